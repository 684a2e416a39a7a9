"""Packs texts into few documents, and finds the texts again in what is answered about a document; pure.

Limits are those of Microsoft's "Service limits" page as of April 2026. Characters there are text elements. A
text never has more of these than code points, so counting code points keeps within the limit in any script.
The service bills every document by the thousand characters, the last ones counted as a whole thousand: a line
of 60 costs as much as 1,000. So lines are joined, and each is made to end with a full stop and a line break:
no sentence and no name runs from one into the next.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple, TypeVar

TEXT_RECORD = 1_000
"""Characters that are billed as one: the unit of the service's prices."""

MAX_CHARACTERS = 5_120
"""The most characters in one document."""

FULL_DOCUMENT = MAX_CHARACTERS // TEXT_RECORD * TEXT_RECORD
"""The most characters that are packed into one document: the last 120 would be billed as 1,000."""

MAX_DOCUMENTS = 10
"""The most documents in a request. Even if each code point is escaped (12 bytes), it is under 1 MB."""

MAX_JOB_CHARACTERS = 125_000

_SENTENCE_END = re.compile(r"[.!?…׃]+[\"'”’)\]]*\s+|\n+")
T = TypeVar("T")


class Piece(NamedTuple):
    """A part of a text that fits into one document: `place` is the text's index, `start` its offset there."""

    place: int
    start: int
    text: str


class Document(NamedTuple):
    """Pieces joined to one text; `begins` is where each of them begins in it."""

    text: str
    pieces: tuple[Piece, ...]
    begins: tuple[int, ...]

    def places(self, offset: int, length: int) -> Iterator[tuple[int, Piece]]:
        """Yield the parts of texts that a stretch of the document covers, without what is between texts.

        Each as its index among `pieces`, and a piece of the length that is covered.
        """
        end = offset + length
        first = max(0, bisect_right(self.begins, offset) - 1)
        for number in range(first, bisect_right(self.begins, end - 1)):
            piece, begins = self.pieces[number], self.begins[number]
            cut = slice(max(0, offset - begins), max(0, end - begins))
            if covered := piece.text[cut]:
                yield number, Piece(piece.place, piece.start + cut.start, covered)

    def halves(self) -> tuple["Document", ...]:
        """Return the document as two, of half the pieces each; none if there is only one piece."""
        middle = len(self.pieces) // 2
        both = (self.pieces[:middle], self.pieces[middle:])
        return tuple(_joined(half) for half in both) if middle else ()


def pack(texts: Iterable[str], limit: int = FULL_DOCUMENT) -> Iterator[Document]:
    """Yield all texts in order, in documents of at most `limit` characters; blank parts are left out."""
    pieces: list[Piece] = []
    length = 0
    for piece in pieces_of(texts, limit):
        longer = length + len(_after(pieces[-1]) if pieces else "") + len(piece.text)
        if pieces and longer > limit:
            yield _joined(tuple(pieces))
            pieces, longer = [], len(piece.text)
        pieces.append(piece)
        length = longer
    if pieces:
        yield _joined(tuple(pieces))


def pieces_of(texts: Iterable[str], limit: int = FULL_DOCUMENT) -> Iterator[Piece]:
    """Yield texts cut into pieces of at most `limit` characters; blank ones are left out."""
    for place, text in enumerate(texts):
        start = 0
        for part in split(text, limit):
            if part.strip():
                yield Piece(place, start, part)
            start += len(part)


def split(text: str, limit: int) -> Iterator[str]:
    """Yield parts of a text of at most `limit` characters, cut after a sentence, else after a word.

    Nothing is lost or added: the parts joined are the text.
    """
    start = 0
    while len(text) - start > limit:
        window = text[start : start + limit]
        ends = [found.end() for found in _SENTENCE_END.finditer(window)]
        end = ends[-1] if ends else window.rfind(" ") + 1
        if not end:  # a word that is too long is cut, but not between a letter and its marks
            end = limit
            while end > 1 and unicodedata.combining(text[start + end]):
                end -= 1
        yield text[start : start + end]
        start += end
    yield text[start:]


def batches(items: Iterable[T], most: int = MAX_DOCUMENTS) -> Iterator[list[T]]:
    """Yield the items in order, as many together as one request takes."""
    rest = iter(items)
    while batch := list(islice(rest, most)):
        yield batch


def _joined(pieces: tuple[Piece, ...]) -> Document:
    text, begins = "", list[int]()
    for number, piece in enumerate(pieces):
        text += _after(pieces[number - 1]) if number else ""
        begins.append(len(text))
        text += piece.text
    return Document(text, pieces, tuple(begins))


def _after(piece: Piece) -> str:
    """Return what ends a piece, so that the next one begins a sentence."""
    return "\n" if piece.text.rstrip().endswith((".", "!", "?")) else ".\n"
