"""Find and replace in the texts of a transcript: literal text, in any script, in linear time.

A text is found in any case: letter by letter, so that "sara" finds "Sara" and "SARA"; what replaces it is
written as it was sent. Hebrew has no case. Composed and decomposed letters are the same (NFC), a letter and
the same letter with Hebrew points are not; no letter is separated from its marks.

Whole words begin and end where no letter, digit or mark is on the other side, nor an apostrophe or quote that
has one behind it: a Hebrew prefix belongs to its word (דנה is not found in לדנה), as do gershayim (צה is not
found in צה"ל). The English possessive ('s) does not: Dana is found in Dana's.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from therapy.domain.errors import InvalidInput, TooLarge

MOST_FIND = 200
"""The most characters of what is looked for, and of what replaces it."""

MOST_TEXT = 8 * 1024 * 1024
"""The most characters of all texts after a replacement: as many as a body has bytes."""

_QUOTES = "'’‘ʼ`´′׳״\"”“„″"
_POSSESSIVE = re.compile(rf"[{_QUOTES}][sS](?![^\W_])")
_LETTERS = re.compile(r"\w+")


class Replacement(NamedTuple):
    """What is looked for and what is put in its place."""

    find: str
    replace_with: str
    whole_words: bool = False


class Replaced(NamedTuple):
    """How often (`times`) it was found, and the texts that changed, by their places."""

    times: int
    texts: dict[int, str]


def replaced(texts: Sequence[str], wanted: Replacement) -> Replaced:
    """Return the texts in which something was replaced.

    Raises:
        InvalidInput: there is nothing to look for.
        TooLarge: the texts would become too long.
    """
    find = _folded(unicodedata.normalize("NFC", wanted.find))
    if not find.strip():
        raise InvalidInput("find", "required")
    found: dict[int, tuple[str, list[int]]] = {}
    for place, text in enumerate(texts):
        composed = unicodedata.normalize("NFC", text)
        if places := list(_places(composed, find, whole_words=wanted.whole_words)):
            found[place] = (composed, places)
    count = sum(len(places) for _, places in found.values())
    growth = count * max(0, len(wanted.replace_with) - len(find))
    if sum(map(len, texts)) + growth > MOST_TEXT:
        raise TooLarge("too_much_replaced", limit=MOST_TEXT)
    return Replaced(
        count,
        {
            place: _with(text, places, len(find), wanted.replace_with)
            for place, (text, places) in found.items()
        },
    )


def _folded(text: str) -> str:
    """Return the text without case, each letter in its place; what would become several letters stays."""
    folded = text.casefold()
    if len(folded) == len(text) and text.isascii():
        return folded
    letters = ((each, each.casefold()) for each in text)
    return "".join(small if len(small) == 1 else each for each, small in letters)


def _places(text: str, find: str, *, whole_words: bool) -> Iterator[int]:
    folded, at = _folded(text), 0
    while (at := folded.find(find, at)) >= 0:
        end = at + len(find)
        if _is_mark(text[end : end + 1]):
            at += 1
        elif whole_words and not _is_whole(text, at, end):
            # No other whole word begins before this one ends: else the time would be quadratic.
            rest = _LETTERS.match(text, at)
            at = rest.end() if rest else at + 1
        else:
            yield at
            at = end


def _with(text: str, places: Sequence[int], length: int, new: str) -> str:
    pieces, last = [], 0
    for place in places:
        pieces += [text[last:place], new]
        last = place + length
    return "".join([*pieces, text[last:]])


def _is_whole(text: str, start: int, end: int) -> bool:
    before, first = text[max(start - 2, 0) : start][::-1], text[start]
    after, last = text[end : end + 2], text[end - 1]
    begins = not _is_part(first) or not _goes_on(before)
    ends = not _is_part(last) or not _goes_on(after) or _POSSESSIVE.match(text, end) is not None
    return begins and ends


def _goes_on(beside: str) -> bool:
    """Return whether a word goes on with these two characters, nearest first."""
    if not beside:
        return False
    if beside[0] in _QUOTES:
        return len(beside) > 1 and _is_part(beside[1])
    return _is_part(beside[0])


def _is_part(letter: str) -> bool:
    return letter.isalnum() or letter == "_" or _is_mark(letter)


def _is_mark(letter: str) -> bool:
    return letter != "" and unicodedata.category(letter) in {"Mn", "Mc"}
