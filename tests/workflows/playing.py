"""What tests of playback share: recordings whose sound says where it is, and what was made of them."""

import asyncio
import io
from array import array
from functools import cache
from math import sin
from random import Random

import av

from tests.builders import a_wav
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.ports.audio import Rendition, ignore
from therapy.workflows.joined_audio import decode_parts

RATE = 16_000
AT_ONCE = 131_072
HOLLOW, HEAD = b"----", b"head"


@cache
def sound(seconds: float, seed: int = 1) -> bytes:
    """Sound that is nowhere like itself: tones that go up and down under noise that comes and goes."""
    random, samples, phase = Random(seed), array("h"), 0.0
    for at in range(int(seconds * RATE)):
        if not at % 800:
            step, loud = random.uniform(0.05, 0.6), random.choice((0, 2_000, 6_000, 9_000))
        phase += step
        samples.append(int(loud * sin(phase)))
    return samples.tobytes()


def recording(seconds: float, seed: int = 1) -> bytes:
    return a_wav(sound(seconds, seed))


def played(file: bytes) -> array:
    """The samples that a player plays from the file's beginning."""
    return played_from(file, 0.0)


def played_from(file: bytes, seconds: float, lasting: float = 1e9) -> array:
    """The samples that a player plays after it has gone to a time: it decodes from the packet before."""
    samples, first = array("h"), None
    with av.open(io.BytesIO(file)) as container:
        (stream,) = container.streams.audio
        container.seek(int(seconds * 1_000_000))
        resampler = av.AudioResampler("s16", "mono", RATE)
        for frame in container.decode(stream):
            if first is None:
                first = float(frame.pts * frame.time_base)
            for each in resampler.resample(frame):
                samples.frombytes(bytes(each.planes[0])[: each.samples * 2])
            if len(samples) > (seconds - first + lasting) * RATE:
                break
    skipped = round((seconds - (first or 0.0)) * RATE)
    return samples[max(0, skipped) :][: int(min(lasting, 1e6) * RATE)]


def stated_seconds(file: bytes) -> float:
    """How long the file says that it is."""
    with av.open(io.BytesIO(file)) as container:
        assert container.duration is not None
        return container.duration / 1_000_000


def likeness(one: array, other: array) -> float:
    """The correlation of two sounds, -1 to 1; of two silences, 1."""
    count = min(len(one), len(other))
    pairs = list(zip(one[:count], other[:count], strict=True))
    loud, other_loud = (sum(pair[at] ** 2 for pair in pairs) for at in (0, 1))
    if loud == other_loud == 0:
        return 1.0
    return float(sum(a * b for a, b in pairs) / max(1.0, loud**0.5 * other_loud**0.5))


def boxes(file: bytes) -> list[str]:
    """The types of an MP4 file's outermost boxes."""
    found, at = [], 0
    while at < len(file):
        found.append(file[at + 4 : at + 8].decode("ascii"))
        at += max(8, int.from_bytes(file[at : at + 4], "big"))
    return found


class PlayingDecoder(MemoryAudioDecoder):
    """Makes for players the samples as they are behind a head, which is filled in at the end."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked, self.released = asyncio.Event(), asyncio.Event()
        self.released.set()
        self.times = 0

    async def playback(self, practice_id, recordings, *, expected_ms, longest_ms, on_end):
        self.times += 1
        self.asked.set()
        yield 0, HOLLOW
        size = len(HOLLOW)
        async for chunk in decode_parts(
            practice_id, recordings, longest_ms=longest_ms, on_end=ignore, audio=self
        ):
            yield size, chunk
            size += len(chunk)
        await self.released.wait()
        if self.failures:
            raise self.failures.pop(0)
        yield 0, HEAD
        on_end(Rendition("audio/mp4", (size - len(HEAD)) // 32, b"\x01\x02"))
