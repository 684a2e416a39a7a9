"""Text as it is compared and searched: Hebrew and English alike.

Plain text is Unicode NFKC without case, combining marks (Hebrew points among them) and invisible
signs (directions, soft hyphens). Folding also drops apostrophes and quotes inside words, so that
צה"ל and צה״ל are one, and writes final letters as common ones, so that חלום begins חלומות. A query
finds a session when it is part of one of its fields, or when each of its words begins a word of
the transcript.
"""

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_QUOTE = re.compile(r"(?<=[^\W_])['’׳״\"”]+(?=[^\W_])")
_FINALS = str.maketrans("ךםןףץ", "כמנפצ")
_DROPPED = {"Mn", "Cf"}


def plain(text: str) -> str:
    """Give the text without case, marks, invisible signs and repeated blanks."""
    lower = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", lower).casefold()
    bare = "".join(letter for letter in apart if unicodedata.category(letter) not in _DROPPED)
    return " ".join(bare.split())


def fold(text: str) -> str:
    """Give the plain text without quotes inside words and with no Hebrew final letters."""
    return _QUOTE.sub("", plain(text)).translate(_FINALS)


def words_of(text: str) -> list[str]:
    """Give the folded words of a text, without punctuation; "don't" is one word."""
    return _WORD.findall(fold(text))


def normalise(text: str) -> str:
    """Give the folded words of a text with one blank between them."""
    return " ".join(words_of(text))


def distinct_words(texts: Iterable[str]) -> tuple[str, ...]:
    """Give every different word of the texts once, sorted."""
    return tuple(sorted({word for text in texts for word in words_of(text)}))


def finds(query: str, *, fields: Iterable[str], words: Iterable[str]) -> bool:
    """Tell whether a query finds something with these fields (any text) and these folded words."""
    folded = fold(query)
    if not folded:
        return False
    if any(folded in fold(field) for field in fields):
        return True
    wanted, known = words_of(query), tuple(words)
    return bool(wanted) and all(any(word.startswith(each) for word in known) for each in wanted)
