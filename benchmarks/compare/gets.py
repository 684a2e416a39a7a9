"""GETs at 64 connections: a profile, the list of closed sessions, the inbox."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from benchmarks.compare.client import Unexpected, ask, get, sign_in
from benchmarks.compare.limits import bare_get, sdk_list, sdk_point_read
from benchmarks.compare.measuring import Line, Scale, under_load
from benchmarks.compare.practice import PATIENT, ROWS, THERAPIST
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import SYSTEMS, System

CONNECTIONS = 64
WARM_UP = 0.5
"""Seconds of the same load before what counts: connections to the store are made, code is compiled."""

PATHS = {"profiles/me": PATIENT, "sessions/me": PATIENT, "data/pending": THERAPIST}


def measure(path: str, system: System, scale: Scale) -> list[Sample]:
    """Return requests a second, CPU and times of one path."""
    token = sign_in(system, PATHS[path]).token
    rows = ask(system, "GET", f"/{path}", token=token)
    if isinstance(rows, list) and len(rows) != ROWS:
        raise Unexpected(f"{system.name}: {path} has {len(rows)} rows instead of {ROWS}")
    stream = {"name": path, "requests": [get(f"/{path}", token)], "connections": CONNECTIONS}
    warmed = under_load(path, system, [stream], WARM_UP)[path]
    sample = under_load(path, system, [stream], scale.seconds)[path]
    return [replace(sample, line=path, failed=sample.failed + warmed.failed)]


LIMITS = {
    "profiles/me": {"bare-asgi": bare_get, "sdk": sdk_point_read},
    "sessions/me": {"sdk": sdk_list},
    "data/pending": {},
}
LINES = [
    Line(
        path,
        f"GET /{path}, {CONNECTIONS} connections",
        SYSTEMS,
        partial(measure, path),
        LIMITS[path],
    )
    for path in PATHS
]
