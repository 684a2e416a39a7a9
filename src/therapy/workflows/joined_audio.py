"""Several recordings of one session, decoded one after another: see `domain.joined_sound`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

from therapy.domain.audio_findings import AudioFindings
from therapy.domain.joined_sound import JoinedSound
from therapy.ports.audio import BYTES_PER_MS, LONGEST_MS, AudioDecoder, ReadableRecording


async def decode_parts(
    practice_id: str,
    parts: Sequence[ReadableRecording],
    *,
    longest_ms: int = LONGEST_MS,
    on_end: Callable[[AudioFindings], None],
    audio: AudioDecoder,
) -> AsyncIterator[bytes]:
    """Yield the PCM of all parts with silence in between; report what was found about them as one.

    Raises:
        UndecodableAudio: none of them can be decoded.
        RecordingTooLong: together they last longer than `longest_ms`.
    """
    sound = JoinedSound(longest_ms, BYTES_PER_MS)
    for part in parts:
        if silence := sound.silence():
            yield silence
        with sound.recording() as found:
            async with AsyncExitStack() as stack:
                pcm = audio.decode(
                    *(practice_id, part.read, part.size),
                    longest_ms=sound.left_ms,
                    on_end=found.append,
                )
                close_with(stack, pcm)
                async for chunk in pcm:
                    sound.size += len(chunk)
                    yield chunk
    on_end(sound.findings())


def close_with(stack: AsyncExitStack, stream: AsyncIterator[object]) -> None:
    """Close a stream when the stack ends, if it can be closed."""
    if close := getattr(stream, "aclose", None):
        stack.push_async_callback(close)
