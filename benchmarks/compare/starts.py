"""Starts: `therapy --help`, and `therapy serve` over an existing store until /health/live is answered."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from statistics import median

from benchmarks.compare.measuring import Line, Place
from benchmarks.compare.processes import load_average
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import EMBEDDED_ONE, prepare
from benchmarks.embedded_server import THERAPY

TIMES = 5
PATIENCE = 30.0


def measure(place: Place) -> list[Sample]:
    """Return the medians of a few starts, in milliseconds of wall time and of CPU."""
    near = place.folder / "starts"
    near.mkdir(exist_ok=True)
    environment = prepare(EMBEDDED_ONE, near, None, 0)
    before = load_average()
    helped = [_help(environment) for _ in range(TIMES)]
    live = [_serve(environment) for _ in range(TIMES)]
    numbers = {
        "help ms": median(wall for wall, _ in helped),
        "help CPU ms": median(cpu for _, cpu in helped),
        "live ms": median(wall for wall, _ in live),
        "live CPU ms": median(cpu for _, cpu in live),
    }
    return [
        Sample(
            line="starts",
            system=EMBEDDED_ONE,
            numbers=numbers,
            requests=2 * TIMES,
            load=(before, load_average()),
        )
    ]


def _help(environment: dict[str, str]) -> tuple[float, float]:
    before, began = os.times(), time.perf_counter()
    subprocess.run([*THERAPY, "--help"], env=environment, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000, _children_since(before)


def _serve(environment: dict[str, str]) -> tuple[float, float]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before, began = os.times(), time.perf_counter()
    with subprocess.Popen(
        [*THERAPY, "serve", "--no-worker", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while not _is_live(port):
            if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise RuntimeError("therapy serve did not answer")
            time.sleep(0.005)
        took = (time.perf_counter() - began) * 1000
        process.send_signal(signal.SIGTERM)
    return took, _children_since(before)


def _is_live(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    return False


def _children_since(before: os.times_result) -> float:
    """Return milliseconds of CPU of children that have ended since then."""
    now = os.times()
    return (now[2] + now[3] - before[2] - before[3]) * 1000


LINES = [
    Line(
        "starts",
        "therapy --help; therapy serve until /health/live",
        limits={EMBEDDED_ONE: measure},
        alone=True,
        jobs=0,
        needs_cloud=False,
    )
]
