"""Word alignment: which words two texts have in common, in order; exact, and bounded for any input.

The longest common subsequence, by Hyyrö's bit-parallel algorithm: a whole column of the table is one integer,
so that Python's arithmetic does the work. `difflib` takes minutes for 20,000 equal words, because it is
quadratic in steps and not in bits; the fast libraries are compiled, and the domain imports none (ADR 034).
"""

from collections.abc import Iterable, Iterator, Sequence
from math import isqrt

from therapy.domain.text_folding import plain, words_of

MOST_CELLS = 1 << 26
"""The largest table that is compared at once: 8,192 words by 8,192, in 8 MB and 50 ms.

Longer texts are cut into as many parts each as are needed, and the parts are compared one by one.
"""


def keys_of(words: Iterable[str], known: dict[str, str]) -> list[str]:
    """Return what is compared of each word: how it sounds, as far as its letters tell.

    Case, punctuation, Hebrew points, quotes and final letters, direction marks and the Unicode form make no
    difference; a word without letters and digits, e.g. a dash or an emoji, is compared as it is. `known` has
    the keys of words that were asked for before.
    """
    return [known.get(each) or known.setdefault(each, _key(each)) for each in words]


def _key(word: str) -> str:
    return "".join(words_of(word)) or plain(word) or word


def common_words(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places (old, new) of equal words, both increasing: as many as there can be.

    What both begin and end with always belongs to it. Above `MOST_CELLS` there may be fewer than possible.
    """
    first = shared_start(old, new)
    last = shared_start(old[first:][::-1], new[first:][::-1])
    yield from ((each, each) for each in range(first))
    end_old, end_new = len(old) - last, len(new) - last
    for place, other in _in_parts(old[first:end_old], new[first:end_new]):
        yield first + place, first + other
    yield from ((end_old + each, end_new + each) for each in range(last))


def shared_start(old: Sequence[str], new: Sequence[str]) -> int:
    """Return with how many equal words both begin."""
    for place, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return place
    return min(len(old), len(new))


def _in_parts(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    parts = 1 + isqrt(len(old) * len(new) // MOST_CELLS)
    for part in range(parts):
        at_old, at_new = len(old) * part // parts, len(new) * part // parts
        to_old, to_new = len(old) * (part + 1) // parts, len(new) * (part + 1) // parts
        for place, other in _longest(old[at_old:to_old], new[at_new:to_new]):
            yield at_old + place, at_new + other


def _longest(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return a longest common subsequence, its runs as late and as long as possible."""
    rows = _rows(old, new)
    found: list[tuple[int, int]] = []
    place, other = len(old) - 1, len(new) - 1
    while place >= 0 and other >= 0:
        if old[place] == new[other]:
            found.append((place, other))
            place, other = place - 1, other - 1
        elif rows[other] >> place & 1:
            place -= 1
        else:
            other -= 1
    return found[::-1]


def _rows(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """Return for each new word where the table's row grows: bit `place` is 0 where old[place] adds one.

    H. Hyyrö, Bit-parallel LCS-length computation revisited, 2004.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(old):
        places[word] = places.get(word, 0) | 1 << place
    everywhere = (1 << len(old)) - 1
    row, rows = everywhere, []
    for word in new:
        fits = row & places.get(word, 0)
        row = (row + fits | row - fits) & everywhere
        rows.append(row)
    return rows
