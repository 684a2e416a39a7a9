"""Word times: when the words of an edited text are said, by those that were heard.

The lines that a person changed, added or deleted are compared word by word, all of a stretch together, so
that words keep their times when lines are split or merged or a word moves to the next line. One that is the
same as before keeps its times and its confidence exactly. A new one gets those of the word in whose place it
is, else a share, by its letters, of the time between its neighbours, and the confidence `TYPED`: its time is
no measurement. A line in which nothing was heard gets no words.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import NamedTuple, Protocol

from therapy.domain.word_alignment import common_words, keys_of, shared_start

TYPED = 0.0
"""The confidence of a word that a person typed: it was not heard, and its times are estimated."""


class HeardWord(Protocol):
    """A word with times in milliseconds, and how sure it is, 0..1."""

    @property
    def text(self) -> str: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def confidence(self) -> float: ...


class TimedWord(NamedTuple):
    """A word of an edited line that is not as it was heard."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float = TYPED


class TextLine(Protocol):
    """A line of a version, named by its `start_ms`; `words` are () where it has none, or none yet."""

    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def words(self) -> Sequence[HeardWord]: ...


class _Edited(NamedTuple):
    """A line that is to get words: its place among all, and its bounds."""

    place: int
    start_ms: int
    end_ms: int
    tokens: list[str]


class TimedLine(NamedTuple):
    """The words of an edited line, some as they were heard, and its end, which may be another than before."""

    words: tuple[HeardWord, ...]
    end_ms: int


def timed_lines(old: Sequence[TextLine], new: Sequence[TextLine]) -> dict[int, TimedLine]:
    """Return the words and ends of the edited lines by their places in `new`, both in order of start.

    A line with the start and the text of an old one is not edited, nor is one that has words. Missing are
    lines of which nothing was heard. The words of a line begin in order and lie within it; the
    line's own stay where they were heard.
    """
    before = {each.start_ms: place for place, each in enumerate(old)}
    known: dict[str, str] = {}
    found: dict[int, TimedLine] = {}
    places, settled = [], []
    for place, line in enumerate(new):
        same = before.get(line.start_ms)
        if line.words or (same is not None and old[same].text == line.text):
            settled.append(line.start_ms)
        elif same is not None and (words := _one_replaced(old, same, new, place, known)):
            settled.append(line.start_ms)
            found[place] = TimedLine(words, line.end_ms)
        else:
            places.append(place)
    edited = [_edited(place, new, before) for place in places]
    kept = {*settled}
    gone = (each for each in old if each.start_ms not in kept)
    for heard, lines in _stretches(gone, edited, settled):
        if any(each.words for each in heard):
            found |= _Stretch(heard, lines, known).timed()
    return found


def _one_replaced(
    old: Sequence[TextLine], same: int, new: Sequence[TextLine], place: int, known: dict[str, str]
) -> tuple[HeardWord, ...]:
    """Return the words of a line in which one at most was replaced by one; () if more was done.

    That is most that people do, and needs no comparison of stretches: a word that is found and replaced in
    20,000 lines takes a fifth of the time. No line beside it may have been added or deleted.
    """
    words, tokens = old[same].words, new[place].text.split()
    if len(words) != len(tokens) or _starts(old, same) != _starts(new, place):
        return ()
    pairs = enumerate(zip(words, tokens, strict=True))
    others = [at for at, (word, token) in pairs if word.text not in (token, f" {token}")]
    if len(others) > 1:
        return ()
    found = [*words]
    for at in others:
        word, token = words[at], tokens[at]
        sounds_alike = keys_of([word.text], known) == keys_of([token], known)
        sure = word.confidence if sounds_alike else TYPED
        found[at] = TimedWord(token, word.start_ms, word.end_ms, sure)
    return tuple(found)


def _starts(lines: Sequence[TextLine], place: int) -> list[int]:
    """Return the starts of a line's neighbours, -1 where there is none."""
    return [
        lines[beside].start_ms if 0 <= beside < len(lines) else -1
        for beside in (place - 1, place + 1)
    ]


def _edited(place: int, lines: Sequence[TextLine], before: Mapping[int, int]) -> _Edited:
    """Return a line to fill; it ends where one that was added inside of it begins: it was split there."""
    line, end = lines[place], lines[place].end_ms
    for following in lines[place + 1 : place + 2]:
        if following.start_ms not in before:
            end = min(end, following.start_ms)
    return _Edited(place, line.start_ms, end, line.text.split())


def _stretches(
    old: Iterable[TextLine], new: Iterable[_Edited], settled: Sequence[int]
) -> Iterator[tuple[list[TextLine], list[_Edited]]]:
    """Yield the changed lines between two that are settled, old and new together."""
    stretches: dict[int, tuple[list[TextLine], list[_Edited]]] = {}
    for each in new:
        stretches.setdefault(bisect_right(settled, each.start_ms), ([], []))[1].append(each)
    for line in old:
        if stretch := stretches.get(bisect_right(settled, line.start_ms)):
            stretch[0].append(line)
    yield from stretches.values()


class _Stretch:
    """Changed lines, old and new: their words one after the other, and which of them are the same."""

    def __init__(
        self, old: Sequence[TextLine], new: Sequence[_Edited], known: dict[str, str]
    ) -> None:
        self._lines = new
        self._tokens = [*chain.from_iterable(line.tokens for line in new)]
        self._heard = [*chain.from_iterable(line.words for line in old)]
        self._starts = [word.start_ms for word in self._heard]
        self._old = _places((line.start_ms, len(line.words)) for line in old)
        self._new = _places((line.start_ms, len(line.tokens)) for line in new)
        old_keys = keys_of((word.text for word in self._heard), known)
        new_keys = keys_of(self._tokens, known)
        self._same = dict(_between(old_keys, new_keys, self._pins(old_keys, new_keys)))
        self._before, self._after = _bounds(self._same, len(self._tokens), len(self._heard))

    def _pins(self, old_keys: Sequence[str], new_keys: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield the equal words with which lines begin and end that are at the same time in both.

        So lines with a new word each are compared line by line. Beside a line that was added or deleted that
        would be wrong: what it ends with may be what the other ended with.
        """
        starts = sorted({*self._old, *self._new})
        both = [True, *(each in self._old and each in self._new for each in starts), True]
        for place, start in enumerate(starts):
            if all(both[place : place + 3]):
                old, new = self._old[start], self._new[start]
                olds, news = old_keys[old.start : old.stop], new_keys[new.start : new.stop]
                first = shared_start(olds, news)
                last = shared_start(olds[first:][::-1], news[first:][::-1])
                yield from zip(old[:first], new[:first], strict=True)
                yield from zip(old[len(old) - last :], new[len(new) - last :], strict=True)

    def timed(self) -> Iterator[tuple[int, TimedLine]]:
        """Yield the words and the end of each line of which something was heard, and its place."""
        for line in self._lines:
            if words := self._words(line, self._new[line.start_ms]):
                end = max(line.end_ms, *(each.end_ms for each in words))
                yield line.place, TimedLine(words, end)

    def _words(self, line: _Edited, places: range) -> tuple[HeardWord, ...]:
        """Return the words of a line in order; () if it has none that was heard, or replaces one."""
        own = self._old.get(line.start_ms)
        floor = min(line.start_ms, self._starts[own.start]) if own else line.start_ms
        words: list[HeardWord | None] = [self._as_heard(line, place) for place in places]
        for gap in _gaps(words):
            before = words[gap.start - 1] if gap.start else None
            after = words[gap.stop] if gap.stop < len(words) else None
            low = before.end_ms if before else floor
            high = after.start_ms if after else max(low, line.end_ms)
            replaced = self._replaced(places[gap.start : gap.stop], low, high)
            if not (before or after or replaced):
                return ()
            texts = self._tokens[places[gap.start] : places[gap.stop - 1] + 1]
            words[gap.start : gap.stop] = estimated(texts, replaced, min(low, high), high)
        return tuple(_ordered(filter(None, words), floor))

    def _as_heard(self, line: _Edited, place: int) -> HeardWord | None:
        """Return a word with the times at which it was heard; None if it is new, or not of its line's time.

        A word from outside of the line is taken over only with the one before or after it.
        """
        if (at := self._same.get(place)) is None:
            return None
        word = self._heard[at]
        if at not in self._old.get(line.start_ms, ()):
            if max(word.end_ms - 1, word.start_ms) < line.start_ms:
                return None
            if word.start_ms >= line.end_ms and not self._has_neighbour(line, place, at):
                return None
        token = self._tokens[place]
        if word.text in (token, f" {token}"):
            return word
        return TimedWord(token, word.start_ms, word.end_ms, word.confidence)

    def _has_neighbour(self, line: _Edited, place: int, at: int) -> bool:
        places = self._new[line.start_ms]
        beside = (each for each in (-1, 1) if place + each in places)
        return any(self._same.get(place + each) == at + each for each in beside)

    def _replaced(self, places: range, low: int, high: int) -> list[HeardWord]:
        """Return the heard words between two times that are gone where these places are."""
        begin, end = self._before[places[0]] + 1, self._after[places[-1]]
        begin = bisect_left(self._starts, low, begin, max(begin, end))
        end = bisect_right(self._starts, high, begin, max(begin, end))
        return [
            each for each in self._heard[begin:end] if low <= each.start_ms and each.end_ms <= high
        ]


def _places(lines: Iterable[tuple[int, int]]) -> dict[int, range]:
    """Return where the words of each line are among all, by its start; lines come as (start, words)."""
    places: dict[int, range] = {}
    end = 0
    for start, words in lines:
        places[start] = range(end, end + words)
        end += words
    return places


def _gaps(words: Sequence[HeardWord | None]) -> Iterator[range]:
    """Yield where words are missing, in ranges as long as possible."""
    first = 0
    for place, word in enumerate((*words, TimedWord("", 0, 0))):
        if word is not None:
            if first < place:
                yield range(first, place)
            first = place + 1


def _between(
    old: Sequence[str], new: Sequence[str], pins: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Yield the places (new, old) of equal words: of the pins, and of what is between two of them."""
    at_old = at_new = 0
    for place, other in chain(pins, [(len(old), len(new))]):
        if at_old < place and at_new < other:
            for same, to in common_words(old[at_old:place], new[at_new:other]):
                yield at_new + to, at_old + same
        if other < len(new):
            yield other, place
        at_old, at_new = place + 1, other + 1


def _bounds(same: Mapping[int, int], words: int, heard: int) -> tuple[list[int], list[int]]:
    """Return for each new word the last heard one before it, and the first after it, that are the same."""
    before, after = [-1] * words, [heard] * words
    for place in range(1, words):
        before[place] = same.get(place - 1, before[place - 1])
    for place in range(words - 2, -1, -1):
        after[place] = same.get(place + 1, after[place + 1])
    return before, after


def estimated(
    texts: Sequence[str], replaced: Sequence[HeardWord], low: int, high: int
) -> Iterator[TimedWord]:
    """Yield new words with the times of those in whose place they are, else shares of the time."""
    if len(texts) == len(replaced):
        for text, word in zip(texts, replaced, strict=True):
            yield TimedWord(text, word.start_ms, word.end_ms)
        return
    if replaced:
        low, high = replaced[0].start_ms, max(each.end_ms for each in replaced)
    ends = list(accumulate(map(len, texts), initial=0))
    times = [low + (high - low) * end // ends[-1] for end in ends]
    for text, (start, end) in zip(texts, pairwise(times), strict=True):
        yield TimedWord(text, start, end)


def _ordered(words: Iterable[HeardWord], floor: int) -> Iterator[HeardWord]:
    """Yield the words so that none begins before `floor` or the one before it."""
    for word in words:
        if word.start_ms >= floor:
            floor = word.start_ms
            yield word
        else:
            yield TimedWord(word.text, floor, max(floor, word.end_ms), word.confidence)
