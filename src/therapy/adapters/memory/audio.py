"""Audio without a decoder: for WAV files that are 16 kHz mono s16 already."""

from collections.abc import AsyncIterator, Callable

from therapy.domain.audio_findings import AudioFindings
from therapy.domain.errors import RecordingTooLong, TooLarge, UndecodableAudio
from therapy.ports.audio import BYTES_PER_MS, LONGEST_MS, AudioDecoder, ReadRange, ignore

HEADER = 44
"""Bytes of a WAV file's header in its plainest form."""

CHUNK = 64 * 1024


class MemoryAudioDecoder(AudioDecoder):
    """Yields what follows the header unchanged; anything but RIFF is undecodable."""

    async def decode(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        read: ReadRange,
        size: int,
        *,
        longest_ms: int = LONGEST_MS,
        on_end: Callable[[AudioFindings], None] = ignore,
    ) -> AsyncIterator[bytes]:
        if not (await read(0, HEADER)).startswith(b"RIFF"):
            raise UndecodableAudio
        end = HEADER + max(0, size - HEADER) // 2 * 2
        last = min(end, HEADER + longest_ms * BYTES_PER_MS)
        for start in range(HEADER, last, CHUNK):
            chunk = await read(start, min(start + CHUNK, last))
            if chunk:
                yield chunk
        if last < end:
            raise RecordingTooLong(longest=longest_ms // 1000)
        on_end(AudioFindings(duration_ms=(end - HEADER) // BYTES_PER_MS))

    async def check(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        read: ReadRange,
        size: int,
        *,
        longest_ms: int = LONGEST_MS,
    ) -> int:
        """Refuse only a WAV file that is too long: what is none fails when it is decoded."""
        riff = (await read(0, HEADER)).startswith(b"RIFF")
        length_ms = max(0, size - HEADER) // BYTES_PER_MS if riff else 0
        if length_ms > longest_ms:
            raise TooLarge("too_long", longest=longest_ms // 1000)
        return length_ms
