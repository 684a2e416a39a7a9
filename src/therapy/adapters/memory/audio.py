"""Audio without a decoder: for WAV files that are 16 kHz mono s16 already."""

from collections.abc import AsyncIterator, Callable

from therapy.domain.audio_findings import AudioFindings
from therapy.domain.errors import UndecodableAudio
from therapy.ports.audio import BYTES_PER_MS, AudioDecoder, ReadRange, ignore

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
        on_end: Callable[[AudioFindings], None] = ignore,
    ) -> AsyncIterator[bytes]:
        if not (await read(0, HEADER)).startswith(b"RIFF"):
            raise UndecodableAudio
        end = HEADER + max(0, size - HEADER) // 2 * 2
        for start in range(HEADER, end, CHUNK):
            chunk = await read(start, min(start + CHUNK, end))
            if chunk:
                yield chunk
        on_end(AudioFindings(duration_ms=(end - HEADER) // BYTES_PER_MS))

    async def check(self, practice_id: str, read: ReadRange, size: int) -> None:
        """Refuse nothing: what is not a WAV file fails when it is decoded."""
