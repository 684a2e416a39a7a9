"""Audio: decodes a recording's bytes into a stream of 16 kHz mono samples."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from therapy.domain.audio_findings import AudioFindings

SAMPLE_RATE = 16_000
"""Samples per second of everything that `AudioDecoder.decode` yields."""

BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
"""16 bit mono: 32 bytes per millisecond."""

LONGEST_MS = 4 * 3_600_000
"""How long a recording may be where the installation does not say."""

ReadRange = Callable[[int, int], Awaitable[bytes]]
"""Reads the bytes from `start` up to but not including `end`; fewer only at the end of the recording."""


class ReadableRecording(NamedTuple):
    """One recording: what reads it, and how many bytes it has."""

    read: ReadRange
    size: int


def ignore(_: AudioFindings) -> None:
    """Do nothing with what was found."""


class AudioDecoder(ABC):
    """Decodes recordings. Never keeps a whole recording in memory; never blocks the event loop."""

    @abstractmethod
    def decode(
        self,
        practice_id: str,
        read: ReadRange,
        size: int,
        *,
        longest_ms: int = LONGEST_MS,
        on_end: Callable[[AudioFindings], None] = ignore,
    ) -> AsyncIterator[bytes]:
        """Yield a recording of `size` bytes as 16 kHz mono signed 16 bit little-endian PCM.

        Chunks are whole samples, at most 1 MiB. A sample stands where a player plays it: holes in the
        time stamps are filled with silence. What a header states about sizes and durations is a hint:
        everything that can be decoded is yielded, and what is missing is reported. `on_end` is called
        once, before the iterator ends, unless it ends by an error or is closed early. A recording
        without samples yields nothing. Closing the iterator early frees everything. What `read` raises
        comes out as it is.

        Raises:
            UndecodableAudio: the recording has no audio stream, or nothing of it can be decoded.
            RecordingTooLong: it lasts longer than `longest_ms`; what comes before that is yielded.
            EngineFailed: what decodes it failed; EngineDied if the recording may be the reason.
        """

    @abstractmethod
    async def check(
        self, practice_id: str, read: ReadRange, size: int, *, longest_ms: int = LONGEST_MS
    ) -> int | None:
        """Check a recording's container, not its samples, before it becomes a session.

        Returns how long it is by its headers, in ms; None or 0 if that is not known. A hint: what is decoded
        may be less or more.

        Refuses only what is certain: a container that can't be opened passes here and fails in
        `decode`, with a reason that the therapist sees.

        Raises:
            UnsupportedAudio: it is no recording, or has no audio stream that can be decoded; where it is
                known, `format` says what it is.
            TooLarge: it lasts longer than `longest_ms` by its headers, which its size confirms.
            Unavailable: too many recordings wait for their checks.
        """


PEAKS_PER_SECOND = 20
"""Peaks of a waveform; each is two signed bytes, the least and the greatest sample as -128 to 127."""

HEAD_BYTES = 4 << 20
"""So much of the beginning of a playback file may be written again before it is complete."""


class Rendition(Struct, frozen=True):
    """What was made for players: the file's media type, how long it is, and the peaks of its waveform."""

    media_type: str
    duration_ms: int
    peaks: bytes


@runtime_checkable
class SupportsPlayback(Protocol):
    """A decoder that also makes a file of what it decodes that every browser plays and seeks."""

    def playback(
        self,
        practice_id: str,
        recordings: Sequence[ReadableRecording],
        *,
        expected_ms: int,
        longest_ms: int = LONGEST_MS,
        on_end: Callable[[Rendition], None],
    ) -> AsyncIterator[tuple[int, bytes]]:
        """Yield pieces of the file, at most 1 MiB each, with the offset at which each stands in it.

        It has the sound of all `recordings` as `domain.joined_sound` puts them on one timeline, about
        `expected_ms` of it: what plays at a time is what `AudioDecoder.decode` has at that time, and the
        file says how long it lasts, to 50 ms. Each piece follows the one before; only in the first
        `HEAD_BYTES` one may stand again where another stood. `on_end` is called once, before the iterator
        ends. Closing the iterator early frees everything. What `read` raises comes out as it is.

        Raises:
            UndecodableAudio: none of the recordings can be decoded.
            RecordingTooLong: together they last longer than `longest_ms`, or much longer than was expected.
            EngineFailed: what encodes it failed; EngineDied if it crashed or reached a limit.
        """
