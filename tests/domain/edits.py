"""Edits of a transcript as a person makes them, and for each word of the result whether it is one of before.

A line is a list of words, each with the word of the recording that it was (`None` = a person typed it). An
edit finds its place by the words that are there, which must be there once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from tests.domain.builders import a_version
from therapy.domain.transcript import (
    Line,
    Speaker,
    TranscriptVersion,
    Utterance,
    Word,
    format_timestamp,
)

DATA = Path(__file__).parent.parent / "data"


@dataclass
class TrackedWord:
    """A word of the edited text, and the word of the recording that it was."""

    text: str
    was: Word | None = None


@dataclass
class TrackedLine:
    """A line of the edited text."""

    start_ms: int
    speaker: Speaker
    words: list[TrackedWord] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(each.text for each in self.words)


Lines = list[TrackedLine]
Edit = Callable[[Lines], None]


def demo() -> TranscriptVersion:
    """What the embedded recogniser heard in the demo's recording."""
    return _heard("demo-words.json")


def hebrew() -> TranscriptVersion:
    """What the multilingual recogniser heard in `hard/hebrew.ogg`: half of its words are wrong."""
    return _heard("hebrew-words.json")


def _heard(name: str) -> TranscriptVersion:
    stored = json.loads((DATA / name).read_text(encoding="utf-8"))
    return _version(
        [
            (Speaker(who), start, end, tuple(Word(*each) for each in words))
            for who, start, end, words in stored
        ]
    )


def _version(lines: Sequence[tuple[Speaker, int, int, tuple[Word, ...]]]) -> TranscriptVersion:
    utterances = [
        Utterance(start, end, " ".join(each.text for each in words), speaker, words=words)
        for speaker, start, end, words in lines
    ]
    return a_version(utterances, duration_ms=utterances[-1].end_ms)


def tracked(version: TranscriptVersion) -> Lines:
    return [
        TrackedLine(each.start_ms, each.speaker, [TrackedWord(w.text, w) for w in each.words])
        for each in version.utterances
    ]


def sent(lines: Lines) -> list[Line]:
    return [Line(each.speaker, each.text, format_timestamp(each.start_ms)) for each in lines]


def without_words(version: TranscriptVersion) -> TranscriptVersion:
    return replace(version, utterances=tuple(replace(u, words=()) for u in version.utterances))


def _found(lines: Lines, text: str) -> tuple[TrackedLine, int, int]:
    """Return the line that has these words, and where: from the first to behind the last."""
    wanted = text.split()
    places = [
        (line, at, at + len(wanted))
        for line in lines
        for at in range(len(line.words))
        if [each.text for each in line.words[at : at + len(wanted)]] == wanted
    ]
    assert len(places) == 1, (text, len(places))
    return places[0]


def replaced(old: str, new: str) -> Edit:
    """These words are replaced; what old and new begin and end with stays."""

    def edit(lines: Lines) -> None:
        line, first, last = _found(lines, old)
        words = new.split()
        while words and first < last and line.words[first].text == words[0]:
            first, words = first + 1, words[1:]
        while words and first < last and line.words[last - 1].text == words[-1]:
            last, words = last - 1, words[:-1]
        line.words[first:last] = map(TrackedWord, words)

    return edit


def respelled(old: str, new: str) -> Edit:
    """Each of these words stays the one that was heard, and is written in another way."""

    def edit(lines: Lines) -> None:
        line, first, last = _found(lines, old)
        for word, text in zip(line.words[first:last], new.split(), strict=True):
            word.text = text

    return edit


def added(behind: str, new: str) -> Edit:
    """New words behind these."""

    def edit(lines: Lines) -> None:
        line, _, last = _found(lines, behind)
        line.words[last:last] = map(TrackedWord, new.split())

    return edit


def deleted(old: str) -> Edit:
    def edit(lines: Lines) -> None:
        line, first, last = _found(lines, old)
        del line.words[first:last]
        if not line.words:
            lines.remove(line)

    return edit


def split(before: str, speaker: Speaker = Speaker.PATIENT) -> Edit:
    """A new line begins with these words, when the first of them was heard."""

    def edit(lines: Lines) -> None:
        line, first, _ = _found(lines, before)
        was = line.words[first].was
        assert was is not None
        rest = TrackedLine(was.start_ms, speaker, line.words[first:])
        del line.words[first:]
        lines.insert(lines.index(line) + 1, rest)

    return edit


def merged(first: str) -> Edit:
    """The line that has these words takes over the one below it."""

    def edit(lines: Lines) -> None:
        line, _, _ = _found(lines, first)
        line.words += lines.pop(lines.index(line) + 1).words

    return edit


def moved_down(words: str) -> Edit:
    """The last words of a line go to the beginning of the one below it."""

    def edit(lines: Lines) -> None:
        line, first, last = _found(lines, words)
        assert last == len(line.words)
        below = lines[lines.index(line) + 1]
        below.words[:0] = line.words[first:]
        del line.words[first:]

    return edit
