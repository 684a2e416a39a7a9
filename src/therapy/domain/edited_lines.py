"""Edited transcripts as the API takes them: lines by their start, in order, each start once.

The app in the field sends `transcript.Line` instead, whose times are texts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from therapy.domain.errors import InvalidInput
from therapy.domain.transcript import (
    Line,
    Source,
    Speaker,
    TranscriptVersion,
    Utterance,
    corrected,
    format_timestamp,
    same_lines,
)

MOST_LINES = 20_000
"""The most lines of a transcript that a person sends."""


class Edit(Protocol):
    """An edit of a version of a transcript, whatever form its author sent it in."""

    def version(
        self, parent: TranscriptVersion, *, number: int, at: datetime, author_id: str
    ) -> TranscriptVersion:
        """Return the version with this number, made by the edit from its parent.

        Raises:
            InvalidInput: names the line at fault.
        """

    def made(self, parent: TranscriptVersion, version: TranscriptVersion) -> bool:
        """Return whether a version is what this edit makes of its parent, i.e. it was sent again."""


class AppLines(Struct, frozen=True):
    """The lines that the app sends back."""

    lines: Sequence[Line]

    def version(
        self, parent: TranscriptVersion, *, number: int, at: datetime, author_id: str
    ) -> TranscriptVersion:
        """Return the version that they make: see `corrected`."""
        return corrected(parent, self.lines, number=number, at=at, author_id=author_id)

    def made(self, parent: TranscriptVersion, version: TranscriptVersion) -> bool:
        """Return whether the version was made from its parent with these lines."""
        return same_lines(parent, version, self.lines)


class EditedLine(Struct, frozen=True):
    """A line by its start; without `end_ms` it ends where it did, or a new one where the next begins."""

    start_ms: int
    speaker: Speaker
    text: str
    end_ms: int | None = None


class EditedLines(Struct, frozen=True):
    """All lines of an edited transcript, and why it was made ("" = not told)."""

    lines: Sequence[EditedLine]
    source: Source = field(default_factory=lambda: Source.EDIT)
    reason: str = ""

    def version(
        self, parent: TranscriptVersion, *, number: int, at: datetime, author_id: str
    ) -> TranscriptVersion:
        """Return the version that they make of its parent: see `corrected`.

        Raises:
            InvalidInput: no lines although the parent has some, a line without text, one that ends before it
                begins, or does not begin after the line before it; names the line.
        """
        if not self.lines and parent.utterances:
            raise InvalidInput("lines", "empty_transcript")
        check_lines(self.lines)
        as_sent = [
            Line(each.speaker, each.text, format_timestamp(each.start_ms)) for each in self.lines
        ]
        version = corrected(parent, as_sent, number=number, at=at, author_id=author_id)
        ended = tuple(
            _ended(utterance, line)
            for utterance, line in zip(version.utterances, self.lines, strict=True)
        )
        return replace(version, utterances=ended, source=self.source, reason=self.reason)

    def made(self, parent: TranscriptVersion, version: TranscriptVersion) -> bool:
        """Return whether the version consists of these lines, for the same reason."""
        same = (version.source, version.reason) == (self.source, self.reason)
        return same and bool(parent.number) and _same_lines(self.lines, version.utterances)


class Restored(Struct, frozen=True):
    """A version that is to be in force again, words and all, and why."""

    of: TranscriptVersion
    reason: str

    def version(
        self, parent: TranscriptVersion, *, number: int, at: datetime, author_id: str
    ) -> TranscriptVersion:
        """Return a copy of the version, made instead of its parent."""
        return replace(
            self.of,
            number=number,
            parent=parent.number,
            source=Source.RESTORE,
            at=at,
            author_id=author_id,
            reason=self.reason,
        )

    def made(self, parent: TranscriptVersion, version: TranscriptVersion) -> bool:
        """Return whether the version is such a copy, for the same reason."""
        same = (version.source, version.reason) == (Source.RESTORE, self.reason)
        return same and bool(parent.number) and _same_lines(lines_of(self.of), version.utterances)


def check_lines(lines: Sequence[EditedLine], *, with_texts: bool = True) -> None:
    """Do nothing if each line begins after the one before it and has a text (if it must be `with_texts`).

    Raises:
        InvalidInput: names the first line at fault.
    """
    before = -1
    for index, line in enumerate(lines):
        if with_texts and not line.text.strip():
            raise InvalidInput(f"lines[{index}].text", "required")
        if line.start_ms <= before:
            code = "equal_starts" if line.start_ms == before else "lines_out_of_order"
            raise InvalidInput(f"lines[{index}].start_ms", code)
        if line.end_ms is not None and line.end_ms < line.start_ms:
            raise InvalidInput(f"lines[{index}].end_ms", "ends_before_start")
        before = line.start_ms


def lines_of(version: TranscriptVersion) -> tuple[EditedLine, ...]:
    """Return a version's lines, e.g. to restore them."""
    return tuple(
        EditedLine(each.start_ms, each.speaker, each.text, each.end_ms)
        for each in version.utterances
    )


def _ended(utterance: Utterance, line: EditedLine) -> Utterance:
    end = _end_of(utterance, line)
    return utterance if end == utterance.end_ms else replace(utterance, end_ms=end)


def _end_of(utterance: Utterance, line: EditedLine) -> int:
    """Return the end that was sent, but not before the words that an edited line has, e.g. the next one's."""
    if line.end_ms is None:
        return utterance.end_ms
    words = utterance.words if utterance.edited else ()
    return max([line.end_ms, *(each.end_ms for each in words)])


def _same_lines(lines: Sequence[EditedLine], utterances: Sequence[Utterance]) -> bool:
    if len(lines) != len(utterances):
        return False
    return all(
        (line.start_ms, line.speaker, line.text.strip()) == (said.start_ms, said.speaker, said.text)
        and said.end_ms in {line.end_ms, _end_of(said, line)}
        for line, said in zip(lines, utterances, strict=True)
    )
