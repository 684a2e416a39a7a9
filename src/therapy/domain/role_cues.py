"""Cues in a text that distinguish a therapist from a patient: counts, of which `roles` makes shares.

English and Hebrew side by side. Phrases are counted first and removed, so that the "I" of
"I would like you to" or the "you" of "thank you" is not taken for talk about oneself or the other.
Hebrew is matched without points, and a leading ו, ש, ה or כש is ignored.
"""

import re
from itertools import pairwise

from msgspec import Struct

from therapy.domain.text_folding import plain


class Cues(Struct, frozen=True):
    """Counts of one text. `questions` are sentences that ask the other person something."""

    words: int = 0
    sentences: int = 0
    questions: int = 0
    you: int = 0
    me: int = 0
    phrases: int = 0

    def __add__(self, other: "Cues") -> "Cues":
        return Cues(
            self.words + other.words,
            self.sentences + other.sentences,
            self.questions + other.questions,
            self.you + other.you,
            self.me + other.me,
            self.phrases + other.phrases,
        )


# What therapists say more often than patients. Matched on plain text: lower case, no points.
_PHRASES = (
    r"(that|it|this) (sounds?|must (be|have been|feel))",
    r"sounds like",
    r"(that|it|this) makes (a lot of |perfect |complete |so much )?sense",
    r"(you can |can you |could you |please |would you )?tell me( a (little|bit)( bit)?)?( (more|about))?",
    r"say (a (little|bit) )?more",
    r"help me (to )?understand",
    r"walk me through",
    r"(what )?i('m| am)? hear(ing)?( is)?( that)?",
    r"i('m| am)? (wonder(ing)?|curious|struck|noticing|inviting you|suggest(ing)?|encourage you)",
    r"i notice(d)? that you",
    r"last (time|week|session|meeting),? (we|you)( talked| spoke| said| mentioned| were)?",
    r"(since|when) we (last )?(met|spoke|talked)( last)?",
    r"we (talked|spoke|discussed|worked|agreed|looked) (about|on|at|that)?.{0,30}last (time|week|session)",
    r"(for|until|before|between now and) (the )?next (week|time|session|meeting|appointment)",
    r"before we (finish|end|stop|meet|start|begin|go on)",
    r"i('d| would) (like|love|want) (you to|to (hear|invite|understand|know|ask|suggest|come back))( you)?",
    r"i want you to (try|notice|know|write|think|imagine|practise|practice|pay)",
    (
        r"thanks?( you)?( so much| very much)? for "
        r"(sharing|telling|trusting|being|coming|your|saying|bringing)( me| that with me| with me)?"
    ),
    r"i('m| am) (so |very |really )?(sorry|glad|happy|pleased) (to hear|you|that you)",
    r"let('s| us) (\w+ )?(look|try|take|talk|pause|stay|explore|go|come|start|begin|see|think|focus|stop)",
    r"welcome( back)?|(good|nice|glad) to (see|meet) you",
    r"you('ve| have)? (just )?(said|mentioned|noticed|described|told me|used|managed|talked about)",
    r"(do|did|have|can) you (notice|noticed|feel|felt|think|thought|remember|imagine|picture)",
    r"how (do|did|does|would|are) (you|that|this|it)( make you)? feel(ing)?",
    r"what (goes|went|comes|came|is going|was going) (through|up|on)",
    r"our (time|session|sessions|hour|work|meeting|meetings|conversation)",
    r"(we have|we've got|there are) (about |only |\w+ )?(\w+ )?minutes",
    r"take (your time|a (deep |slow )?breath|a moment)",
    (
        r"(it is|it's|that is|that's) (completely |perfectly |totally |very |quite |absolutely )?"
        r"(ok|okay|all right|understandable|normal|natural|human|wonderful|great|important|a big step)"
        r"( to| that| progress)?"
    ),
    r"as your therapist|confidential(ity)?|on a scale",
    r"(on the one|on the other) hand, (it|you)|part of you",
    # Hebrew
    r"(זה |זה מאוד )?נשמע (לי )?(ש|כאילו|כמו|קשה|כואב|מתיש|מאוד|לא פשוט|מפחיד|מעייף|מבלבל|חשוב|בודד)\S*",
    r"(תוכלי? |אפשר |תרצי? |את יכולה |אתה יכול )?(ל?ספרי?|תספרי?) לי( עוד| קצת| יותר)*( על)?",
    r"(תגידי?|אמרי?|תארי?|תתארי?|הסבירי?|תסבירי?) לי",
    r"(ב|מ)?ה?(פעם|פגישה|שיחה) (ה)?(שעברה|קודמת|אחרונה)",
    r"מאז (ה)?(פגישה|פעם|שנפגשנו|פגישתנו)",
    r"(ל|עד |לקראת |עד ל)ה?(שבוע|פגישה|פעם) הבאה?",
    r"(הייתי|אני) (רוצה|מציעה?|מזמינה?|מבקשת?|שמחה?) (ש(ת|נ)\S+|אותך|לך|ממך|לשמוע|לראות אותך)",
    r"(הייתי|אני) מציעה?",
    r"תודה (רבה )?(ש(שיתפת|סיפרת|אמרת|באת|הבאת|סמכת)|על (השיתוף|הכנות|האמון|הפתיחות))( אותי)?",
    r"אני (שומעת?|מבינה?) (ממך|ש|כמה|את)\S*",
    r"אני (מצטערת?|שמחה?) (לשמוע|ש)\S*",
    r"אני (תוהה|סקרנית?)|מעניין אותי",
    r"(זה )?(מאוד |לגמרי |בהחלט )?(הגיוני|מובן|טבעי|אנושי)( מאוד| לגמרי)?( ש\S+)?",
    r"(בואי?|בואו) (רגע )?נ\S+",
    r"(ברוכה?|ברוכים) ה(בא|באה|באים)|נעים להכיר|טוב (מאוד )?לראות אותך",
    r"קחי? (את הזמן|נשימה|רגע)",
    r"(הזמן|הפגישה|הפגישות|העבודה|השיחה|המפגש) שלנו|נשארו לנו|סודיות|חיסיון",
    r"(מה|איזה מחשבות) (עובר|עבר|עלה|עולה|עולות) (לך|לך בראש|בך|אצלך)",
    r"(איך|מה) (את |אתה )?(הרגשת|מרגישה?)",
    r"(שימי?|תשימי?) לב|(נסי?|תנסי?) (ל|רגע)\S*",
    r"כל הכבוד|התקדמות (יפה|גדולה|נהדרת)|חלק (ממך|בך)",
)
_PHRASE = re.compile(r"(?<!\w)(?:" + "|".join(f"(?:{each})" for each in _PHRASES) + r")(?!\w)")

_THANKS = re.compile(r"\b(thank you|you know|see you|תודה לך)\b")
_SENTENCE = re.compile(r"[^.!?…\n]*[.!?…\n]|[^.!?…\n]+$")
_LEAD = r"(?:(?:and|so|but|okay|ok|well|then|or|now|yes|right|אז|ו|אבל|כן|טוב|ואז)[ ,]+)*"
_ASKS = re.compile(
    _LEAD + r"(?:"
    r"(?:how|what|why|when|where|who|which)(?: \w+){0,2} "
    r"(?:do|did|does|is|are|was|were|would|have|has|had|can|could|will|should|goes|makes|made|"
    r"happens|happened|comes|came)\b"
    r"|(?:can|could|would|will|do|did|are|were|have|had) you\b"
    r"|(?:is|was|are|were) there\b|tell me\b"
    r"|ו?(?:איך|מדוע|האם|למה|מתי|איפה|באיזה|באיזו|איזה|איזו|מאיפה)(?!\w)"
    r"|ו?מה (?!ש)\w|(?:תוכלי?|תרצי?|ספרי?|תספרי?|היית|יש לך|אפשר)(?!\w)"
    r")"
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_YOU = frozenset({"you", "your", "yours", "yourself"})
_ME = frozenset({"i", "me", "my", "mine", "myself"})


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_HE_YOU = _listed("""
    אתה אתם אתן שלך שלכם לך לכם אותך אתכם איתך אתך אליך אלייך עליך עלייך ממך בשבילך לעצמך בעצמך עצמך
    אצלך בך תוכל תוכלי תרצה תרצי תנסה תנסי תספר תספרי תגיד תגידי ספר ספרי הרגשת אמרת חשבת ניסית
    הצלחת עשית היית הלכת סיפרת דיברת רצית ראית ישנת כתבת הזכרת תיארת הגבת התמודדת הגעת ידעת שמעת
    פחדת למדת הבנת בכית כעסת ציפית לקחת נתת ביקשת החלטת הסכמת זיהית
""")
_HE_ME = _listed("""
    אני שלי לי אותי איתי אתי אליי אלי עליי עלי ממני בשבילי לעצמי בעצמי עצמי אצלי בי כמוני בגללי לבדי
    אמי אבי אשתי בעלי
""")
_HE_YOU_AFTER = _listed("הולכת היית לא גם כבר תמיד באמת עדיין בעצם")
"""After these words "את" means "you", although they do not look like a feminine present."""

_HE_OBJECT_AFTER = _listed("זה זאת מה עצמה אותה")
_HE_NOT_PAST = _listed("""
    אמיתי בעייתי בעיתי חברתי מהותי איכותי יצירתי משמעותי תרבותי חוויתי חווייתי מציאותי נקודתי עובדתי
    תודעתי התנהגותי תחרותי משפחתי שנתי קבוצתי תפיסתי תקשורתי
""")
"""Adjectives that end like a verb in the first person of the past."""

_HE_LETTERS = re.compile(r"[א-ת]")


def cues_in(text: str) -> Cues:
    """Return the counted cues of one utterance."""
    said = plain(text).replace("’", "'")
    bare, phrases = _PHRASE.subn(" ", said)
    you, me = _address(bare)
    sentences = [each for each in _SENTENCE.findall(said) if _WORD.search(each)]
    return Cues(
        words=len(_WORD.findall(said)),
        sentences=len(sentences),
        questions=sum(1 for each in sentences if _asks(each)),
        you=you,
        me=me,
        phrases=phrases,
    )


def _asks(sentence: str) -> bool:
    """Return whether it is a question to the other person: one that is not about oneself."""
    asks = sentence.rstrip().endswith("?") or _ASKS.match(sentence.strip())
    return bool(asks) and _address(_PHRASE.sub(" ", sentence))[1] == 0


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
        elif _HE_LETTERS.match(word):
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
    return _bare(word, _HE_YOU)


def _means_you(next_word: str) -> bool:
    """Return whether "את" means "you" before this word: "את" also marks an object."""
    if next_word in _HE_YOU_AFTER:
        return True
    if next_word.startswith("ה") or next_word in _HE_OBJECT_AFTER:
        return False
    return next_word.endswith(("ה", "ת"))


def _hebrew_me(word: str) -> bool:
    if _bare(word, _HE_ME):
        return True
    if not (len(word) >= 4 and word.endswith("תי")):
        return False
    return not any(word[skipped:] in _HE_NOT_PAST for skipped in range(3))
