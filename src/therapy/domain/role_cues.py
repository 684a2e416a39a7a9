"""Cues in a text that distinguish a therapist from a patient: counts, of which `roles` makes shares.

English and Hebrew side by side; what is looked for is in `role_words_english` and `role_words_hebrew`.
What somebody else is reported to have said is not the speaker's, so nothing of a therapist is counted
from there to the end of the utterance. Phrases are removed before "you" and "I" are counted, so that
the "I" of "I would like you to" is not taken for talk about oneself. Hebrew is matched without points,
and a leading ו, ש, ה or כש is ignored.
"""

import re
from functools import cache, partial
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import astuple

from therapy.domain import role_words_english as english
from therapy.domain import role_words_hebrew as hebrew
from therapy.domain.text_folding import plain


class Cues(Struct, frozen=True):
    """Counts of one text.

    `questions` are sentences that ask the other person something, `open_questions` those among them that
    invite to tell, `facts` those that ask yes or no about something else. `seeking` are questions for
    advice, about oneself or about the therapist. `impersonal` are statements about nobody, `third` words
    for others than the two. `reported` counts what somebody is said to have said, `towards` what is said
    of the therapist's doings.
    """

    words: int = 0
    sentences: int = 0
    questions: int = 0
    you: int = 0
    me: int = 0
    phrases: int = 0
    open_questions: int = 0
    explaining: int = 0
    guiding: int = 0
    reflecting: int = 0
    impersonal: int = 0
    facts: int = 0
    seeking: int = 0
    own_life: int = 0
    feelings: int = 0
    colloquial: int = 0
    third: int = 0
    reported: int = 0
    towards: int = 0

    def __add__(self, other: "Cues") -> "Cues":
        return Cues(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))


@cache
def _cues(*lists: str) -> re.Pattern[str]:
    """Return what matches any line of the lists, as whole words.

    They are compiled when they are first asked for: that takes 40 ms, and few processes ask.
    """
    lines = [line for cues in lists for line in re.sub(r"\n +\|", "|", cues).split("\n") if line]
    return re.compile(r"(?<!\w)(?:" + "|".join(f"(?:{line})" for line in lines) + r")(?!\w)")


_PHRASES = partial(_cues, english.PHRASES, hebrew.PHRASES)
_OPEN_QUESTIONS = partial(_cues, english.OPEN_QUESTIONS, hebrew.OPEN_QUESTIONS)
_SEEKING = partial(_cues, english.SEEKING, hebrew.SEEKING)
_EXPLAINING = partial(_cues, english.EXPLAINING, hebrew.EXPLAINING)
_GUIDING = partial(_cues, english.GUIDING, hebrew.GUIDING)
_INSTRUCTIONS = partial(_cues, english.INSTRUCTIONS, hebrew.INSTRUCTIONS)
_REFLECTING = partial(_cues, english.REFLECTING, hebrew.REFLECTING)
_OWN_LIFE = partial(_cues, english.OWN_LIFE, hebrew.OWN_LIFE)
_FEELINGS = partial(_cues, english.FEELINGS, hebrew.FEELINGS)
_COLLOQUIAL = partial(_cues, english.COLLOQUIAL, hebrew.COLLOQUIAL)
_THIRD = partial(_cues, english.THIRD, hebrew.THIRD)
_REPORTED = partial(_cues, english.REPORTED, hebrew.REPORTED)
_TOWARDS = partial(_cues, english.TOWARDS_THERAPIST, hebrew.TOWARDS_THERAPIST)
_ASKS = partial(_cues, english.ASKS, hebrew.ASKS)
_YES_OR_NO = partial(_cues, english.YES_OR_NO, hebrew.YES_OR_NO)

_THANKS = re.compile(r"\b(thank you|you know|see you|תודה לך)\b")
_SENTENCE = re.compile(r"[^.!?…\n]*[.!?…\n]|[^.!?…\n]+$")
_LEAD = re.compile(
    r"(?:(?:and|so|but|okay|ok|well|then|or|now|yes|right|אז|ו|אבל|כן|טוב|ואז)[ ,]+)*"
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_HEBREW_LETTERS = re.compile(r"[א-ת]")

_YOU = frozenset({"you", "your", "yours", "yourself"})
_ME = frozenset({"i", "me", "my", "mine", "myself"})
_US = frozenset({"we", "us", "our", "ours"})
_HEBREW_YOU = frozenset(hebrew.YOU.split())
_HEBREW_ME = frozenset(hebrew.ME.split())
_HEBREW_YOU_BEFORE = frozenset(hebrew.YOU_BEFORE.split())
_HEBREW_OBJECTS = frozenset(hebrew.OBJECTS.split())
_HEBREW_NOT_PAST = frozenset(hebrew.NOT_PAST.split())

GENERIC_YOU = 2
"""At most as many "you" of a statement count: "you get up, you make coffee, you wait" means oneself."""

STATEMENT = 4
"""A statement about nobody has at least as many words."""


def cues_in(text: str) -> Cues:
    """Return the counted cues of one utterance."""
    said = plain(text).replace("’", "'")
    told = _REPORTED().search(said)
    own = said[: told.start()] if told else said
    total = Cues(
        words=len(_WORD.findall(said)),
        sentences=len(_sentences(said)),
        own_life=_count(_OWN_LIFE(), said),
        feelings=_count(_FEELINGS(), said),
        colloquial=_count(_COLLOQUIAL(), said),
        third=_count(_THIRD(), said),
        reported=_count(_REPORTED(), said),
    )
    for sentence in _sentences(own):
        total += _question(sentence) if _asks(sentence) else _statement(sentence)
    return total


def _sentences(text: str) -> list[str]:
    return [each.strip() for each in _SENTENCE.findall(text) if _WORD.search(each)]


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _asks(sentence: str) -> bool:
    return sentence.endswith("?") or bool(_ASKS().match(sentence, _begin(sentence)))


def _begin(sentence: str) -> int:
    """Return where a sentence begins after "and", "so", "well" and the like."""
    lead = _LEAD.match(sentence)
    return lead.end() if lead else 0


def _question(sentence: str) -> Cues:
    bare, phrases = _PHRASES().subn(" ", sentence)
    you, me = _address(bare)
    about_oneself = me > 0 and you == 0 and sentence.endswith("?")
    if about_oneself or _SEEKING().search(sentence):
        return Cues(seeking=1, you=you, me=me, towards=_count(_TOWARDS(), sentence))
    to_the_other = me == 0
    facts = you == 0 and phrases == 0 and bool(_YES_OR_NO().match(sentence, _begin(sentence)))
    return Cues(
        questions=to_the_other,
        open_questions=to_the_other and bool(_OPEN_QUESTIONS().search(sentence)),
        facts=to_the_other and facts,
        phrases=phrases,
        you=you,
        me=me,
    )


def _statement(sentence: str) -> Cues:
    bare, phrases = _PHRASES().subn(" ", sentence)
    you, me = _address(bare)
    return Cues(
        phrases=phrases,
        you=min(you, GENERIC_YOU),
        me=me,
        explaining=_count(_EXPLAINING(), sentence),
        guiding=_count(_GUIDING(), sentence)
        + bool(_INSTRUCTIONS().match(sentence, _begin(sentence))),
        reflecting=bool(_REFLECTING().search(sentence)),
        impersonal=_impersonal(sentence),
        towards=_count(_TOWARDS(), sentence),
    )


def _impersonal(sentence: str) -> bool:
    words = _WORD.findall(sentence)
    if len(words) < STATEMENT or _THIRD().search(sentence):
        return False
    return _address(sentence) == (0, 0) and not any(w.partition("'")[0] in _US for w in words)


def _address(text: str) -> tuple[int, int]:
    """Return how often a text addresses the other person, and how often it speaks of oneself."""
    words = _WORD.findall(_THANKS.sub(" ", text))
    you = me = 0
    for word, next_word in pairwise([*words, ""]):
        stem = word.partition("'")[0]
        if stem in _YOU:
            you += 1
        elif stem in _ME:
            me += 1
        elif _HEBREW_LETTERS.match(word):
            you += _hebrew_you(word, next_word)
            me += _hebrew_me(word)
    return you, me


def _bare(word: str, known: frozenset[str]) -> bool:
    return any(
        word.removeprefix(prefix) in known for prefix in ("", "ו", "ש", "וש", "כש", "ה", "מש")
    )


def _hebrew_you(word: str, next_word: str) -> bool:
    if word.removeprefix("ש").removeprefix("כש") == "את":
        return _means_you(next_word)
    return _bare(word, _HEBREW_YOU)


def _means_you(next_word: str) -> bool:
    """Return whether "את" means "you" before this word: "את" also marks an object."""
    if next_word in _HEBREW_YOU_BEFORE:
        return True
    if next_word.startswith("ה") or next_word in _HEBREW_OBJECTS:
        return False
    return next_word.endswith(("ה", "ת"))


def _hebrew_me(word: str) -> bool:
    if _bare(word, _HEBREW_ME):
        return True
    if not (len(word) >= 4 and word.endswith("תי")):
        return False
    return not any(word[skipped:] in _HEBREW_NOT_PAST for skipped in range(3))
