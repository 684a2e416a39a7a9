"""Speaker repairs: two speakers swapped, a voice given to a speaker, or a stretch of the recording."""

from collections.abc import Sequence

from msgspec import Struct

from therapy.domain.draft_lines import with_speakers
from therapy.domain.errors import InvalidInput
from therapy.domain.transcript import Speaker, TranscriptVersion, Utterance

_OTHER = {Speaker.THERAPIST: Speaker.PATIENT, Speaker.PATIENT: Speaker.THERAPIST}


class SpeakerRepair(Struct, frozen=True):
    """Which lines are whose: `speaker` None = therapist and patient are swapped in all lines.

    Else the lines of a `voice`, or those that begin from `from_ms` on and before `to_ms` (None: to the end).
    """

    speaker: Speaker | None = None
    voice: str | None = None
    from_ms: int = 0
    to_ms: int | None = None

    def _is_about(self, line: Utterance) -> bool:
        if self.voice is not None:
            return line.voice == self.voice
        return self.from_ms <= line.start_ms and (self.to_ms is None or line.start_ms < self.to_ms)

    def _speaker_of(self, line: Utterance) -> Speaker:
        if self.speaker is None:
            return _OTHER.get(line.speaker, line.speaker)
        return self.speaker if self._is_about(line) else line.speaker

    def lines(self, base: TranscriptVersion, lines: Sequence[Utterance]) -> tuple[Utterance, ...]:
        """Return the lines with the speakers that they have then.

        Raises:
            InvalidInput: no line has this voice.
        """
        if self.voice is not None and all(each.voice != self.voice for each in lines):
            raise InvalidInput("voice", "no_such_voice")
        return with_speakers(base, lines, self._speaker_of)
