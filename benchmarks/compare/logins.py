"""Logins on 16 connections, and GETs of somebody else meanwhile."""

from __future__ import annotations

from msgspec.structs import replace

from benchmarks.compare.client import get, post, sign_in
from benchmarks.compare.measuring import Line, Scale, under_load
from benchmarks.compare.practice import PASSWORD, PATIENT, THERAPIST
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import SYSTEMS, System

CONNECTIONS = 16
GETS_A_SECOND = 50


def measure(system: System, scale: Scale) -> list[Sample]:
    """Return logins a second, and the times of other GETs while they run."""
    token = sign_in(system, PATIENT).token
    bodies = [{"email": each, "password": PASSWORD} for each in (THERAPIST, PATIENT)]
    requests = [post("/auth/login", each) for each in bodies]
    streams = [
        {"name": "logins", "requests": requests, "connections": CONNECTIONS},
        {
            "name": "GETs during logins",
            "requests": [get("/profiles/me", token)],
            "connections": 16,
            "rate": GETS_A_SECOND,
        },
    ]
    found = under_load("logins", system, streams, scale.seconds * 1.5)
    return [_without_cpu(sample, name) for name, sample in found.items()]


def _without_cpu(sample: Sample, line: str) -> Sample:
    """Return a sample without CPU for each request: the tree answered requests of two kinds."""
    numbers = {name: value for name, value in sample.numbers.items() if name != "CPU ms"}
    return replace(sample, line=line, numbers=numbers)


LINES = [
    Line("logins", f"POST /auth/login, {CONNECTIONS} connections, and other GETs", SYSTEMS, measure)
]
