"""What differs between two versions of a transcript: line by line, and in a changed line word by word.

Lines are the same by their start and words, then by their words alone: where a machine has recognised them
again, the starts are others. What is left between two of those belongs together if it begins at the same
time, or if it overlaps. Unicode's forms and blanks make no difference.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import chain

from msgspec import Struct

from therapy.domain.transcript import TranscriptVersion, Utterance
from therapy.domain.word_alignment import common_words, keys_of


class ChangeKind(Enum):
    """What happened to a line; of `SPEAKER` nothing but the speaker changed."""

    SAME = "same"
    REPLACED = "replaced"
    ADDED = "added"
    REMOVED = "removed"
    SPEAKER = "speaker"


class WordChange(Enum):
    """What happened to a word."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


class LineChange(Struct, frozen=True):
    """A line before and after (None: there is none), and its words: removed ones before those added."""

    kind: ChangeKind
    old: Utterance | None
    new: Utterance | None
    words: tuple[tuple[WordChange, str], ...]


Pair = tuple[Utterance | None, Utterance | None]


def changes(old: TranscriptVersion, new: TranscriptVersion) -> Iterator[LineChange]:
    """Yield what became of each line, in order of time; the time it takes grows like the texts' length."""
    known: dict[str, str] = {}
    for before, after in _paired(old.utterances, new.utterances):
        yield _change(before, after, known)


def _paired(old: Sequence[Utterance], new: Sequence[Utterance]) -> Iterator[Pair]:
    """Yield each line with the one that it became, in order of both."""
    texts, others = [_plain(each.text) for each in old], [_plain(each.text) for each in new]
    starts = {each.start_ms: place for place, each in enumerate(old)}
    at_old = at_new = 0
    for other, each in enumerate(chain(new, [None])):
        place = len(old) if each is None else starts.get(each.start_ms, -1)
        if each is not None and (place < at_old or texts[place] != others[other]):
            continue
        same = common_words(texts[at_old:place], others[at_new:other])
        first_old, first_new = at_old, at_new
        for one, two in same:
            yield from _remaining(old[at_old : first_old + one], new[at_new : first_new + two])
            at_old, at_new = first_old + one + 1, first_new + two + 1
            yield old[at_old - 1], new[at_new - 1]
        yield from _remaining(old[at_old:place], new[at_new:other])
        if each is not None:
            yield old[place], each
        at_old, at_new = place + 1, other + 1


def _remaining(old: Sequence[Utterance], new: Sequence[Utterance]) -> Iterator[Pair]:
    """Yield lines between two that stayed the same: those of the same time together, others alone."""
    old_starts, new_starts = ({each.start_ms for each in lines} for lines in (old, new))
    place = other = 0
    while place < len(old) and other < len(new):
        one, two = old[place], new[other]
        alone = one.start_ms not in new_starts and two.start_ms not in old_starts
        overlap = one.start_ms < two.end_ms and two.start_ms < one.end_ms
        if one.start_ms == two.start_ms or (alone and overlap):
            yield one, two
            place, other = place + 1, other + 1
        elif one.start_ms < two.start_ms:
            yield one, None
            place += 1
        else:
            yield None, two
            other += 1
    yield from ((each, None) for each in old[place:])
    yield from ((None, each) for each in new[other:])


def _change(old: Utterance | None, new: Utterance | None, known: dict[str, str]) -> LineChange:
    if old is None or new is None:
        kind, word = (
            (ChangeKind.ADDED, WordChange.ADDED)
            if old is None
            else (ChangeKind.REMOVED, WordChange.REMOVED)
        )
        line = new or old
        texts = line.text.split() if line else []
        return LineChange(kind, old, new, tuple((word, text) for text in texts))
    words = tuple(word_changes(old.text.split(), new.text.split(), known))
    if any(what is not WordChange.SAME for what, _ in words):
        return LineChange(ChangeKind.REPLACED, old, new, words)
    kind = ChangeKind.SAME if old.speaker is new.speaker else ChangeKind.SPEAKER
    return LineChange(kind, old, new, words)


def word_changes(
    old: Sequence[str], new: Sequence[str], known: dict[str, str]
) -> Iterator[tuple[WordChange, str]]:
    """Yield what became of each word, those removed before those added in their place.

    Words are matched by how they sound, but what is written in another way is removed and added. `known` is
    that of `keys_of`.
    """
    if old == new:
        yield from ((WordChange.SAME, word) for word in new)
        return
    at_old = at_new = 0
    matches = common_words(keys_of(old, known), keys_of(new, known))
    for place, other in chain(matches, [(len(old), len(new))]):
        written_alike = place < len(old) and _plain(old[place]) == _plain(new[other])
        upto = 0 if written_alike else 1
        yield from ((WordChange.REMOVED, word) for word in old[at_old : place + upto])
        yield from ((WordChange.ADDED, word) for word in new[at_new : other + upto])
        if written_alike:
            yield WordChange.SAME, new[other]
        at_old, at_new = place + 1, other + 1


def _plain(text: str) -> str:
    """Return a text with single blanks and in one Unicode form: looks the same, is the same."""
    return " ".join(unicodedata.normalize("NFC", text).split())
