"""Decoding of recordings with PyAV (FFmpeg's libraries): any container to 16 kHz mono.

FFmpeg needs a file to read and seek in; a recording is an async range reader. So a thread decodes
(`decoder_thread`), and its file asks the event loop for ranges; `audio_track` decides how little of a
recording is trusted.
"""

from collections.abc import AsyncGenerator, Callable

from therapy.adapters.audio.audio_track import look_for_audio, pcm_chunks
from therapy.adapters.audio.decoder_thread import DecodingThread
from therapy.domain.audio_findings import AudioFindings
from therapy.domain.errors import UndecodableAudio
from therapy.ports.audio import BYTES_PER_MS, AudioDecoder, ReadRange, ignore


class PyAvAudioDecoder(AudioDecoder):
    """Decodes with PyAV. Stateless: one decoder thread per open iterator, none otherwise."""

    async def decode(
        self,
        practice_id: str,  # noqa: ARG002 - the range reader knows the recording
        read: ReadRange,
        size: int,
        *,
        on_end: Callable[[AudioFindings], None] = ignore,
    ) -> AsyncGenerator[bytes, None]:
        work = DecodingThread(read, size, pcm_chunks)
        taken = 0
        try:
            async for chunk in work.chunks():
                taken += len(chunk)
                yield chunk
            on_end(AudioFindings(duration_ms=taken // BYTES_PER_MS))
        finally:
            await work.stop()

    async def check(
        self,
        practice_id: str,  # noqa: ARG002 - the range reader knows the recording
        read: ReadRange,
        size: int,
    ) -> None:
        work = DecodingThread(read, size, look_for_audio)
        try:
            async for _ in work.chunks():
                pass
        except UndecodableAudio:
            return
        finally:
            await work.stop()
