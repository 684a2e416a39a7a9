"""Several recordings of one session, decoded one after another onto one timeline.

Between two of them is silence, which the findings name, so that no sentence spans both. A recording that
can't be decoded is missing; only if none can be, the session fails.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from msgspec.structs import replace

from therapy.domain.audio_findings import AudioFindings, Missing, joined, next_start
from therapy.domain.errors import RecordingTooLong, UndecodableAudio
from therapy.ports.audio import BYTES_PER_MS, LONGEST_MS, AudioDecoder, ReadRange


class Part(NamedTuple):
    """One recording: what reads it, and how many bytes it has."""

    read: ReadRange
    size: int


async def decode_parts(
    practice_id: str,
    parts: Sequence[Part],
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
    starts: list[int] = []
    found: list[AudioFindings] = []
    failures: list[UndecodableAudio] = []
    sent = 0
    for part in parts:
        if sent:
            silence = bytes(next_start(-(-sent // BYTES_PER_MS)) * BYTES_PER_MS - sent)
            sent += len(silence)
            yield silence
        begun, here = sent, list[AudioFindings]()
        left = max(0, longest_ms - sent // BYTES_PER_MS)
        try:
            async with AsyncExitStack() as stack:
                pcm = audio.decode(
                    practice_id, part.read, part.size, longest_ms=left, on_end=here.append
                )
                close_with(stack, pcm)
                async for chunk in pcm:
                    sent += len(chunk)
                    yield chunk
        except RecordingTooLong:  # of the whole, not of what was left for this part
            raise RecordingTooLong(longest=longest_ms // 1000) from None
        except UndecodableAudio as exc:
            failures.append(exc)
            here = [AudioFindings(missing=(Missing(0, 0, "damaged"),))]
        starts.append(begun // BYTES_PER_MS)
        (findings,) = here
        found.append(replace(findings, duration_ms=-(-(sent - begun) // BYTES_PER_MS)))
    if len(failures) == len(parts):
        raise failures[0]
    on_end(joined(starts, found, -(-sent // BYTES_PER_MS)))


def close_with(stack: AsyncExitStack, stream: AsyncIterator[object]) -> None:
    """Close a stream when the stack ends, if it can be closed."""
    if close := getattr(stream, "aclose", None):
        stack.push_async_callback(close)
