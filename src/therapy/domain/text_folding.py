"""Text folded for comparison and search, in Hebrew and English alike.

Plain text is Unicode NFKC without case, combining marks (Hebrew points among them) and invisible
characters (direction marks, soft hyphens). Folding also drops apostrophes and quotes inside words, so
that צה"ל and צה״ל are the same, and replaces final letters by regular ones, so that חלום is a prefix of
חלומות. A query finds a session if it is part of one of its fields, or if each of its words is a prefix
of a word of the transcript.
"""

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_QUOTE = re.compile(r"(?<=[^\W_])['’׳״\"”]+(?=[^\W_])")
_FINALS = str.maketrans("ךםןףץ", "כמנפצ")
_DROPPED = {"Mn", "Cf"}


_SIGNS = str.maketrans("−٫⁄∕∶", "-.//:")


def plain_digits(text: str) -> str:
    """Return a typed number, date or time with ASCII digits and signs, without invisible characters.

    Digits of every script become 0 to 9, every dash "-"; surrounding blanks are dropped.
    """
    shown = (each for each in unicodedata.normalize("NFKC", text.translate(_SIGNS)))
    return "".join(map(_plain_sign, shown)).strip()


def _plain_sign(letter: str) -> str:
    match unicodedata.category(letter):
        case "Nd":
            return str(unicodedata.decimal(letter))
        case "Pd":
            return "-"
        case "Cf":
            return ""
        case _:
            return letter


def plain(text: str) -> str:
    """Return the text without case, marks, invisible characters and repeated blanks."""
    lower = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", lower).casefold()
    bare = "".join(letter for letter in apart if unicodedata.category(letter) not in _DROPPED)
    return " ".join(bare.split())


def fold(text: str) -> str:
    """Return the plain text without quotes inside words and without Hebrew final letters."""
    return _QUOTE.sub("", plain(text)).translate(_FINALS)


def words_of(text: str) -> list[str]:
    """Return the folded words of a text, without punctuation; "don't" is one word."""
    return _WORD.findall(fold(text))


def normalise(text: str) -> str:
    """Return the folded words of a text, joined by single blanks."""
    return " ".join(words_of(text))


def distinct_words(texts: Iterable[str]) -> tuple[str, ...]:
    """Return every distinct folded word of the texts, sorted."""
    return tuple(sorted({word for text in texts for word in words_of(text)}))


def finds(query: str, *, fields: Iterable[str], words: Iterable[str]) -> bool:
    """Return whether a query finds something with these fields (any text) and these folded words."""
    folded = fold(query)
    if not folded:
        return False
    if any(folded in fold(field) for field in fields):
        return True
    wanted, known = words_of(query), tuple(words)
    return bool(wanted) and all(any(word.startswith(each) for word in known) for each in wanted)
