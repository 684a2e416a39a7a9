"""Text as it is compared and searched: Hebrew and English alike.

Folding is Unicode NFKC, case folding and the removal of combining marks (Hebrew points among
them). A query finds a session when it is part of one of its fields, or when each of its words
begins a word of the transcript.
"""

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"(?<=\w)['’׳״\"](?=\w)")


def fold(text: str) -> str:
    """Give the text without case, marks and repeated blanks."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(bare.split())


def words_of(text: str) -> list[str]:
    """Give the folded words of a text, without punctuation; "don't" is one word."""
    return _WORD.findall(_APOSTROPHE.sub("", fold(text)))


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
