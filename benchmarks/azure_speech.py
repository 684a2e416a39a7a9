"""An hour of audio through both engines of the Azure Speech adapter, against the project's fakes.

The adapter works in a process of its own, the fakes in another, and the SDK's throttle (twice the speed
of talking) is lifted by its properties. Prints by how much the worker's memory grows over what it was
before the first sample, with the engine's library loaded, and exits with 1 if that is 60 MB or more.
Linux only: memory is read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

MB = 1024 * 1024
BOUND_MB = 60
ENGINES = ("conversation", "fast")
SAMPLE_RATE = 16_000
UNHURRIED = {
    "SPEECH-AudioThrottleAsPercentageOfRealTime": "20000",
    "SPEECH-AudioThrottleLowAsPercentageOfRealTime": "20000",
    "SPEECH-TransmitLengthBeforeThrottleMs": "60000",
    "SPEECH-MaxBufferSizeMs": "4000000",
}


def rss() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def a_second(number: int) -> bytes:
    """A tone that changes, so that nothing compresses to nothing."""
    pitch = 110 + 7 * (number % 50)
    return array(
        "h",
        (
            int(9_000 * math.sin(math.tau * pitch * each / SAMPLE_RATE)) + (each * 7_919) % 600
            for each in range(SAMPLE_RATE)
        ),
    ).tobytes()


async def recording(minutes: float) -> AsyncIterator[bytes]:
    few = [a_second(number) for number in range(50)]
    for number in range(int(minutes * 60)):
        yield few[number % len(few)]


async def measure(
    engine: str, minutes: float, speech_port: int, fast_port: int
) -> dict[str, float]:
    """Hear a recording with one engine, and watch this process's memory meanwhile."""
    from therapy.adapters.azure.speech import (  # noqa: F401 - their libraries count before
        conversation,
        fast_transcription,
    )
    from therapy.adapters.azure.speech.connection import SpeechAccess
    from therapy.adapters.azure.speech.engine import AzureSpeech, Engine
    from therapy.domain.transcript import Utterance
    from therapy.ports.speech import SpeechDone, SpeechOptions

    access = SpeechAccess(
        key="speech-key",
        host=f"ws://127.0.0.1:{speech_port}",
        fast_endpoint=f"http://127.0.0.1:{fast_port}",
        properties=UNHURRIED,
    )
    before, peak = rss(), 0
    began = time.perf_counter()
    utterances, heard_ms = 0, 0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, rss())
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    with tempfile.TemporaryDirectory() as directory:
        speech = AzureSpeech(access, engine=Engine(engine), directory=Path(directory))
        events = speech.transcribe("practice", recording(minutes), SpeechOptions(("en-US",)))
        async for event in events:
            utterances += isinstance(event, Utterance)
            heard_ms = event.duration_ms if isinstance(event, SpeechDone) else heard_ms
    watching.cancel()
    return {
        "minutes": heard_ms / 60_000,
        "utterances": utterances,
        "seconds": round(time.perf_counter() - began, 1),
        "before_mb": round(before / MB, 1),
        "peak_mb": round(peak / MB, 1),
        "growth_mb": round((peak - before) / MB, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--ports", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.engine:
        ports = [int(port) for port in chosen.ports.split(",")]
        print(json.dumps(asyncio.run(measure(chosen.engine, chosen.minutes, *ports))))
        return 0
    found = {engine: measured_apart(engine, chosen.minutes) for engine in ENGINES}
    if chosen.json:
        print(json.dumps(found))
    else:
        for engine, row in found.items():
            print(f"{engine:13}", *(f"{name} {value:g}" for name, value in row.items()), sep="  ")
        print(f"the worker's memory may grow by less than {BOUND_MB} MB")
    return int(max(row["growth_mb"] for row in found.values()) >= BOUND_MB)


def measured_apart(engine: str, minutes: float) -> dict[str, float]:
    """Measure in a process of its own; the fakes run in this one."""
    from tests.emulators.fast import FakeFast
    from tests.emulators.speech import FakeSpeech

    with FakeSpeech() as speech, FakeFast() as fast:
        fast.seconds = minutes * 60
        child = [sys.executable, __file__, "--engine", engine, "--minutes", str(minutes)]
        ended = subprocess.run(
            [*child, "--ports", f"{speech.port},{fast.port}"], stdout=subprocess.PIPE, check=True
        )
    return json.loads(ended.stdout)


if __name__ == "__main__":
    sys.exit(main())
