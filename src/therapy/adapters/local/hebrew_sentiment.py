"""The feeling of Hebrew texts, approximately: word lists that psychologists verified, prefixes, negation.

The lists are those of the package hepsylex (Shapira et al. 2021, made with 872 transcripts of therapy; data
under CC-BY-SA). A word counts if it is in at least `VOTES` more lists of one kind than of the other. Hebrew
writes "and", "the", "in" and the like onto the next word, so up to two such letters are left out. A negation
turns the next words around. Word order, irony and what is between the words are not understood.
"""

import re
from functools import cache

from therapy.domain.errors import EngineFailed
from therapy.domain.sentiment import Scores, normalised

GOOD = (
    *("Amused", "Calm", "Contentment", "Enthusiastic", "Joy", "Proud", "Trust", "Vigor"),
    *("NotAnger", "NotAnxiety", "NotAshamed", "NotGuilty", "NotNervous", "NotSad", "NotFatigue"),
)
BAD = (
    *("Anger", "Anxiety", "Ashamed", "Disgust", "Fatigue", "Guilty", "Hostile", "Nervous", "Sad"),
    *("NotCalm", "NotContentment", "NotEnthusiastic", "NotJoy", "NotProud", "NotTrust", "NotVigor"),
)
"""Lists of hepsylex, without the prefix of their names."""

VOTES = 2
NEGATIONS = frozenset(
    {"לא", "אין", "בלי", "אינני", "איני", "אף", "ולא", "שלא", "ואין", "שאין", "לאו"}
)
REACH = 2
"""So many words after a negation are turned around."""

FILLING = frozenset(
    {"אני", "אבל", "מאוד", "היה", "היתה", "הוא", "היא", "כן", "יש", "זה", "לי", "את", "רק"}
)
"""Words that are in lists, but carry no feeling."""

QUIET = 0.25
"""The weight of a word without feeling against one with."""

_PREFIXES = "והבלמשכ"
_SHORTEST = 3
_WORD = re.compile(r"[א-ת]+(?:[\"'׳״][א-ת]+)*")


def score(text: str) -> Scores:
    """Return the approximate feeling of a text; EngineFailed if hepsylex is not installed."""
    words = _WORD.findall(text)
    feelings = [_feeling(word) for word in words]
    good = bad = 0
    for place, feeling in enumerate(feelings):
        if NEGATIONS & {*words[max(0, place - REACH) : place]}:
            feeling = -feeling  # noqa: PLW2901 - it is turned around
        good += feeling > 0
        bad += feeling < 0
    return normalised(good, (len(words) - good - bad) * QUIET, bad)


def _feeling(word: str) -> int:
    """Return 1 for a good word, -1 for a bad one, 0 for any other."""
    lists = _votes()
    for form in _forms(word):
        if form in FILLING or form in NEGATIONS:
            return 0
        votes = lists.get(form, 0)
        if abs(votes) >= VOTES:
            return 1 if votes > 0 else -1
    return 0


def _forms(word: str) -> list[str]:
    """Return the word, and what is left of it without one or two letters that may be prefixes."""
    forms = [word]
    while word[:1] in _PREFIXES and len(word) > _SHORTEST and len(forms) < 3:
        word = word[1:]
        forms.append(word)
    return forms


@cache
def _votes() -> dict[str, int]:
    """Return in how many more good than bad lists each word is."""
    try:
        from hepsylex import Lexicons  # type: ignore[import-untyped] # it ships no types
    except ImportError:
        raise EngineFailed("extra", transient=False, extra="therapy[local]") from None
    votes: dict[str, int] = {}
    for names, vote in ((GOOD, 1), (BAD, -1)):
        for name in names:
            for word in {*getattr(Lexicons, f"EmotionalVariety_{name}")}:
                votes[word] = votes.get(word, 0) + vote
    return votes
