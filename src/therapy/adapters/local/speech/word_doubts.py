"""Which recognised words are doubtful, by what the decoder says of them itself; loops are cut.

The numbers are from recordings (docs/reference/speech.md): for English, also from far away, over a bad
telephone line or clipped, the mean log probability of a window is -0.15 to -0.75 and the mean probability
of its words 0.66 to 0.97; for other languages, or reversed speech, recognised as English -0.8 to -2.6 and
0.02 to 0.5, unless the decoder ran into a loop, of which it is always certain.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from therapy.adapters.local.speech.whisper import Line, Window
from therapy.adapters.local.speech.word_coverage import Spans
from therapy.domain.transcript import GUESS, LOOP, NO_SPEECH_LIKELY, OTHER_LANGUAGE, Word

REPETITIVE = 2.4
"""A window with a greater compression may be a loop. Measured: talk 1.4 to 1.9, counted breaths up to 4.6,
loops 2.5 to 26. So compression alone proves nothing."""

LOOP_WORDS, LOOP_TIMES = 3, 3
"""In a loop, so many words in a row come back so many times."""

LOOP_WORD_MS = 80
"""Three words or more of a loop that take less time each were never said."""

SHORTEST_MS = 50
"""A word takes at least this long; a real one that was timed shorter gets it, at its neighbour's cost."""

WORDS_A_SECOND = 25
"""Nobody speaks so fast; more words than `FAST_WORDS` that do are a loop, repeated or not."""
FAST_WORDS = 10

UNLIKELY = -1.0
"""A window with a lower mean log probability is a guess."""
UNSURE_WORDS = 0.5
"""A window whose words have a lower mean probability is a guess."""
UNLIKELY_TOO, UNSURE_TOO = -0.8, 0.55
"""Nor is a window plausible that is below both."""
FEWEST_WORDS = 4
"""A window of fewer words is judged like a line: their mean says little."""
UNSURE_LINE = 0.3
"""A line whose words have a lower mean probability is a guess."""
SURE_WORDS = 0.85
"""Where a window's other words are at least so probable, a line of `FEWEST_WORDS` is judged like a window."""
LONG_WORD_MS = 1_500
"""A line of one word that takes longer is judged like others."""
LONGEST_WORD = 60
"""A longer word, in characters, is a loop within itself ("t-t-t-t-t")."""
LESS_SURE, SUSPECT_MS = 0.75, 2_500
"""Words found where at first there were none may be another language's, if their mean probability is
lower and they take longer."""
SILENT = 0.6
"""With a greater probability that nobody speaks, an unlikely window is no speech, unless it was detected."""

REPEATED_IN_WORD = re.compile(r"(.{1,12}?)\1{3,}")


class DoubtedWord(Struct, frozen=True):
    """A word, and the codes of the doubts about it."""

    word: Word
    flags: tuple[str, ...] = ()


def loop_words(windows: Iterable[Window]) -> int:
    """Return how many words are in loops that will be cut."""
    return sum(len(_never_said(each)) for each in windows)


def judged(
    windows: Iterable[Window], speech: Spans, *, other_language: bool = False
) -> tuple[DoubtedWord, ...]:
    """Return the words with their doubts; those of a loop that were never said are left out.

    `speech` is where speech was detected, in ms from the start of the recording.
    """
    found = [
        word
        for window in windows
        for word in _judged_window(window, speech, other_language=other_language)
    ]
    times = spread([each.word for each in found])
    return tuple(replace(each, word=word) for each, word in zip(found, times, strict=True))


def _judged_window(window: Window, speech: Spans, *, other_language: bool) -> Iterator[DoubtedWord]:
    cut = _never_said(window)
    looped = (_repeated(window.words) if cut else set()) | _too_fast(window.words)
    flags = _window_flags(window, speech)
    place = 0
    for line in window.lines:
        rest = [word for each in window.lines if each is not line for word in each]
        doubts = flags or _line_flags(line, among_sure=bool(rest) and _sure(rest) >= SURE_WORDS)
        if other_language:
            doubts = (OTHER_LANGUAGE,)
        for word in line:
            if place not in cut:
                yield _shortened(DoubtedWord(word, (*doubts, LOOP) if place in looped else doubts))
            place += 1


def _window_flags(window: Window, speech: Spans) -> tuple[str, ...]:
    words, likely = window.words, window.log_probability
    if likely < UNLIKELY and window.no_speech > SILENT and not _is_speech(words, speech):
        return (NO_SPEECH_LIKELY,)
    if len(words) < FEWEST_WORDS:
        return ()
    sure = _sure(words)
    both = likely < UNLIKELY_TOO and sure < UNSURE_TOO
    return (GUESS,) if likely < UNLIKELY or sure < UNSURE_WORDS or both else ()


def _is_speech(words: Sequence[Word], speech: Spans) -> bool:
    """Return whether speech was detected in at least half of the time of the words."""
    both = sum(
        max(0, min(each.end_ms, end) - max(each.start_ms, start))
        for each in words
        for start, end in speech
    )
    return 2 * both >= sum(each.end_ms - each.start_ms for each in words)


def _line_flags(line: Line, *, among_sure: bool) -> tuple[str, ...]:
    long = len(line) > 1 or _time_of(line) > LONG_WORD_MS
    bound = UNSURE_WORDS if among_sure and len(line) >= FEWEST_WORDS else UNSURE_LINE
    return (GUESS,) if long and _sure(line) < bound else ()


def plausible(words: Sequence[DoubtedWord]) -> bool:
    """Return whether words are as sure as those of clear speech, or too few to tell."""
    said = [each.word for each in words]
    return _sure(said) >= LESS_SURE or _time_of(said) < SUSPECT_MS


def _time_of(words: Sequence[Word]) -> int:
    return words[-1].end_ms - words[0].start_ms if words else 0


def _shortened(word: DoubtedWord) -> DoubtedWord:
    """Return a word without most of what a loop within it repeats."""
    text = word.word.text
    if len(text) <= LONGEST_WORD:
        return word
    text = REPEATED_IN_WORD.sub(r"\1\1\1", text)[:LONGEST_WORD]
    return DoubtedWord(replace(word.word, text=text), tuple(dict.fromkeys((*word.flags, LOOP))))


def _sure(words: Sequence[Word]) -> float:
    return sum(each.confidence for each in words) / len(words) if words else 1.0


def _never_said(window: Window) -> set[int]:
    """Return the places of words that a loop repeats faster than anyone speaks."""
    if window.compression <= REPETITIVE:
        return set()
    words, repeated = window.words, _repeated(window.words)
    return {
        place
        for stretch in _fast_stretches(words, LOOP_WORD_MS)
        if len(stretch) >= LOOP_WORDS
        for place in stretch
        if place in repeated
    }


def _too_fast(words: Sequence[Word]) -> set[int]:
    """Return the places of words in stretches of more than `FAST_WORDS` that nobody could say."""
    stretches = _fast_stretches(words, 1000 // WORDS_A_SECOND)
    return {place for each in stretches if len(each) > FAST_WORDS for place in each}


def _fast_stretches(words: Sequence[Word], word_ms: int) -> Iterator[range]:
    """Yield stretches of words that take less than `word_ms` each on average, and none of them twice that."""
    first = 0
    while first < len(words):
        last = first
        while last < len(words) and _is_fast(words[first : last + 1], word_ms):
            last += 1
        if last > first:
            yield range(first, last)
        first = max(last, first + 1)


def _is_fast(stretch: Sequence[Word], word_ms: int) -> bool:
    start, last = stretch[0].start_ms, stretch[-1]
    short = last.end_ms - last.start_ms < 2 * word_ms
    return short and last.end_ms - start < word_ms * len(stretch)


def _repeated(words: Sequence[Word]) -> set[int]:
    """Return the places of words that belong to something said again and again."""
    texts = [each.text.strip(".,?!…").casefold() for each in words]
    runs = [tuple(texts[at : at + LOOP_WORDS]) for at in range(len(texts) - LOOP_WORDS + 1)]
    often = {run for run, times in Counter(runs).items() if times >= LOOP_TIMES}
    return {
        place for at, run in enumerate(runs) if run in often for place in range(at, at + LOOP_WORDS)
    }


def spread(words: Sequence[Word]) -> list[Word]:
    """Return the words, in time order, each at least `SHORTEST_MS` long, none before the one before it."""
    starts, ends = [], []
    now = 0
    for each in words:
        starts.append(max(each.start_ms, now))
        now = max(each.end_ms, starts[-1] + SHORTEST_MS)
        ends.append(now)
    limit = max((each.end_ms for each in words), default=0)
    for at in reversed(range(len(words))):  # what was moved beyond the end of all moves back
        ends[at] = min(ends[at], limit)
        starts[at] = min(starts[at], max(0, ends[at] - SHORTEST_MS))
        limit = starts[at]
    return [
        replace(each, start_ms=start, end_ms=end)
        for each, start, end in zip(words, starts, ends, strict=True)
    ]


def mostly_doubtful(words: Sequence[DoubtedWord]) -> bool:
    """Return whether most of the words, or of their time, are guesses, of another language or no speech."""
    doubtful = [each for each in words if {*each.flags} & {GUESS, OTHER_LANGUAGE, NO_SPEECH_LIKELY}]
    return 2 * len(doubtful) > len(words) or 2 * _time(doubtful) > _time(words)


def _time(words: Iterable[DoubtedWord]) -> int:
    return sum(each.word.end_ms - each.word.start_ms for each in words)
