"""What a correction of 20,000 lines costs, in CPU seconds, and how many times that without words.

Each line has ten words with times. No input, hostile ones included, may take more than MOST_S: exits with 1
otherwise.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from therapy.domain.transcript import (
    Line,
    Source,
    Speaker,
    TranscriptVersion,
    Utterance,
    Word,
    corrected,
    format_timestamp,
)

LINES, WORDS, WORD_MS = 20_000, 10, 100
MOST_S = 4.0
NOW = datetime(2026, 3, 4, tzinfo=UTC)
Change = Callable[[int, list[str]], list[str]]


def parent_of(texts: Sequence[Sequence[str]], *, timed: bool) -> TranscriptVersion:
    utterances = []
    for number, words in enumerate(texts):
        start = number * WORDS * WORD_MS
        times = range(start, start + len(words) * WORD_MS, WORD_MS)
        heard = tuple(Word(w, at, at + WORD_MS, 0.9) for w, at in zip(words, times, strict=True))
        end = start + max(1, len(words)) * WORD_MS
        utterance = Utterance(start, end, " ".join(words), Speaker.PATIENT, "0", 1.0)
        utterances.append(replace(utterance, words=heard if timed else ()))
    return TranscriptVersion(
        "s", 1, 0, Source.MACHINE, NOW, tuple(utterances), duration_ms=len(texts) * 1_000 + 1
    )


def seconds(texts: Sequence[list[str]], change: Change, shift_ms: int, *, timed: bool) -> float:
    parent = parent_of(texts, timed=timed)
    lines = [
        Line(
            Speaker.PATIENT,
            " ".join(change(number, list(texts[number]))),
            format_timestamp(each.start_ms + shift_ms),
        )
        for number, each in enumerate(parent.utterances)
    ]
    best = 1e9
    for _ in range(3):
        start = time.process_time()
        corrected(parent, lines, number=parent.number + 1, at=NOW, author_id="t")
        best = min(best, time.process_time() - start)
    return best


def spoken(lines: int, words: int, vocabulary: int) -> list[list[str]]:
    draw = random.Random(11)  # noqa: S311 - the same words every time
    return [[f"word{draw.randrange(vocabulary)}" for _ in range(words)] for _ in range(lines)]


def one_word(number: int, words: list[str]) -> list[str]:
    words[number % len(words)] = "new"
    return words


def every_other(_: int, words: list[str]) -> list[str]:
    return [word if place % 2 else "b" for place, word in enumerate(words)]


def main() -> int:
    hour = spoken(LINES, WORDS, 3_000)
    equal = [["a"] * 20_000]
    rows: list[tuple[str, Sequence[list[str]], Change, int]] = [
        ("nothing changed", hour, lambda _, words: words, 0),
        ("a word in every tenth line", hour, lambda n, w: w if n % 10 else one_word(n, w), 0),
        ("a word in every line", hour, one_word, 0),
        ("every other word", hour, every_other, 0),
        ("all lines 30 ms later", hour, lambda _, words: words, 30),
        ("all lines later, every other word", hour, every_other, 30),
        ("20,000 equal words in a line", equal, every_other, 0),
        ("20,000 equal words, twice", equal, lambda _, words: words * 2, 0),
        ("20,000 lines of equal words", [["a"] * WORDS] * LINES, every_other, 30),
    ]
    missed = False
    for name, texts, change, shift in rows:
        with_times = seconds(texts, change, shift, timed=True)
        without = seconds(texts, change, shift, timed=False)
        missed |= with_times > MOST_S
        print(f"{name:<36} {with_times:6.2f} s {with_times / without:6.1f}", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
