"""Bare limits: what the libraries below us cost alone, each measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.compare.measuring import Place, under_load
from benchmarks.compare.processes import load_average
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import ROOT, System, first_line


@contextmanager
def bare_server(kind: str, place: Place) -> Iterator[System]:
    """Run an ASGI application of nothing but one function (`bare_server.py`) while the body runs."""
    settings = dict(place.cloud.settings) if place.cloud else {}
    environment = os.environ | settings
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.compare.bare_server", kind, str(place.folder / "sink")],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        port = first_line(process.stdout).strip()
        try:
            yield System(
                f"bare-{kind}", f"http://127.0.0.1:{port}", process.pid, environment, place.folder
            )
        finally:
            process.terminate()


def bare_get(place: Place) -> list[Sample]:
    """Return what one process of uvicorn takes for an answer that is there."""
    stream = {
        "name": "profiles/me",
        "requests": ["GET / HTTP/1.1\r\nHost: bench\r\n\r\n"],
        "connections": 64,
    }
    with bare_server("asgi", place) as server:
        return list(under_load("profiles/me", server, [stream], place.scale.seconds / 2).values())


def alone(kind: str, line: str, system: str, **more: str) -> Callable[[Place], list[Sample]]:
    """Return the measurement that `bare_calls.py` makes of `kind` in a process of its own."""

    def measure(place: Place) -> list[Sample]:
        settings = dict(place.cloud.settings) if place.cloud else {}
        before = load_average()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.compare.bare_calls", kind],
            cwd=ROOT,
            env=os.environ | settings | more | {"BARE_FOLDER": str(place.folder)},
            stdout=subprocess.PIPE,
            check=True,
        )
        said = json.loads(done.stdout)
        requests = int(said.pop("requests"))
        return [
            Sample(
                line=line,
                system=system,
                numbers=said,
                requests=requests,
                load=(before, load_average()),
            )
        ]

    return measure


sdk_point_read = alone("point-read", "profiles/me", "sdk")
sdk_list = alone("list", "sessions/me", "sdk")
bare_xadd = alone("xadd", "queue", "bare-xadd")


def sound_file(folder: Path, minutes: float) -> Path:
    """Return a WAV file of that length at 44.1 kHz: the demo recording, repeated; made once."""
    from benchmarks.hour import SAMPLE_RATE, demo_pcm, wav_header

    path = folder / f"sound-{minutes:g}.wav"
    if not path.exists():
        size, pcm = int(minutes * 60 * SAMPLE_RATE) * 2, demo_pcm()
        with path.open("wb") as file:
            file.write(wav_header(size))
            for start in range(0, size, len(pcm)):
                file.write(pcm[: min(len(pcm), size - start)])
    return path


def decoder(place: Place) -> list[Sample]:
    """Return what reading a recording to 16 kHz mono takes with PyAV alone."""
    path = sound_file(place.folder, place.scale.minutes)
    return alone("decode", "upload of 1", "decoder", BARE_SOUND=str(path))(place)
