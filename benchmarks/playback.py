"""What an hour of playback costs: CPU of its child, its memory, and how long it takes.

The demo recording, repeated to 60 minutes of 44.1 kHz mono WAV, is decoded and encoded as a worker does it.
Exits with 1 if a bound is missed. Linux only: memory is read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import MB, family, pss  # noqa: E402 - the path comes first
from benchmarks.hour import SAMPLE_RATE, demo_pcm, wav_header  # noqa: E402 - as above
from therapy.adapters.audio import PyAvAudioDecoder  # noqa: E402 - as above
from therapy.ports.audio import ReadableRecording, ReadRange, Rendition  # noqa: E402 - as above

CPU_SECONDS_AN_HOUR = 30
CHILD_PSS_MB = 50


def hour(minutes: float) -> tuple[ReadRange, int]:
    """Return what reads the recording, made while it is read, and its size in bytes."""
    pcm, whole = demo_pcm(), int(minutes * 60 * SAMPLE_RATE) * 2
    header = wav_header(whole)
    size = len(header) + whole

    async def read(start: int, end: int) -> bytes:
        found, at = bytearray(header[start:end]), max(start, len(header))
        while at < min(end, size):
            here = (at - len(header)) % len(pcm)
            piece = pcm[here : here + min(end, size) - at]
            found += piece
            at += len(piece)
        return bytes(found)

    return read, size


async def largest_children(largest: list[int]) -> None:
    """Note how much memory all children take together, again and again."""
    while True:
        with suppress(OSError):
            largest.append(sum(pss(pid) for pid in family(os.getpid()) if pid != os.getpid()))
        await asyncio.sleep(0.2)


async def made(minutes: float) -> tuple[int, Rendition, int]:
    """Make the file; return its bytes, what was reported, and the most memory of the child."""
    decoder, (read, size), largest = PyAvAudioDecoder(), hour(minutes), [0]
    watching = asyncio.create_task(largest_children(largest))
    found, end = list[Rendition](), 0
    recordings, expected_ms = [ReadableRecording(read, size)], int(minutes * 60_000)
    async for offset, piece in decoder.playback(
        "practice", recordings, expected_ms=expected_ms, on_end=found.append
    ):
        end = max(end, offset + len(piece))
    watching.cancel()
    return end, found[0], max(largest)


def main() -> int:
    """Print the figures; return 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    began = time.monotonic()
    size, rendition, memory = asyncio.run(made(minutes))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, bound = used.ru_utime + used.ru_stime, CPU_SECONDS_AN_HOUR * minutes / 60
    print(f"{rendition.duration_ms / 60_000:.1f} min, file {size / 1e6:.1f} MB")
    print(f"peaks {len(rendition.peaks) / 1e3:.1f} kB, {time.monotonic() - began:.0f} s")
    print(f"CPU of the child {cpu:.1f} s (at most {bound:.0f})")
    print(f"memory of the child {memory / MB:.0f} MB PSS (at most {CHILD_PSS_MB})")
    return int(cpu > bound or memory > CHILD_PSS_MB * MB)


if __name__ == "__main__":
    sys.exit(main())
