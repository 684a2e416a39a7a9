"""A draft as an edit that is submitted: its lines, with the words that it has kept."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.edited_lines import EditedLine, EditedLines
from therapy.domain.transcript import Source, TranscriptVersion, Utterance


class DraftedLines(Struct, frozen=True):
    """All lines of a draft, and why they are submitted ("" = not told)."""

    lines: tuple[Utterance, ...]
    source: Source
    reason: str = ""

    @property
    def _as_sent(self) -> EditedLines:
        lines = [
            EditedLine(each.start_ms, each.speaker, each.text, each.end_ms) for each in self.lines
        ]
        return EditedLines(lines, self.source, self.reason)

    def version(
        self, parent: TranscriptVersion, *, number: int, at: datetime, author_id: str
    ) -> TranscriptVersion:
        """Return the version that they make of its parent; lines that were split or merged keep their words.

        Raises:
            InvalidInput: as `EditedLines.version`.
        """
        made = self._as_sent.version(parent, number=number, at=at, author_id=author_id)
        utterances = tuple(
            _with_words(utterance, line)
            for utterance, line in zip(made.utterances, self.lines, strict=True)
        )
        return replace(made, utterances=utterances)

    def made(self, parent: TranscriptVersion, version: TranscriptVersion) -> bool:
        """Return whether the version consists of these lines, for the same reason."""
        return self._as_sent.made(parent, version)


def _with_words(utterance: Utterance, line: Utterance) -> Utterance:
    return replace(
        utterance,
        voice=line.voice,
        confidence=line.confidence,
        words=line.words or utterance.words,
        flags=line.flags or utterance.flags,
        heard=line.heard if line.flags else utterance.heard,
    )
