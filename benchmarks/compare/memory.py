"""Memory of a system that runs alone: idle, by role, and after 1,000 GETs and 200 logins."""

from __future__ import annotations

import time
from collections import Counter

from benchmarks.compare.client import get, post, sign_in
from benchmarks.compare.load import load
from benchmarks.compare.measuring import Line, Scale
from benchmarks.compare.practice import PASSWORD, PATIENT, THERAPIST
from benchmarks.compare.processes import load_average, pss_by_role, tree_pss, tree_rss
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import AZURE, EMBEDDED_ONE, REFERENCE, System

SETTLED = 4.0
"""Seconds after which a system is idle."""

GETS, LOGINS = 1_000, 200


def measure(system: System, _scale: Scale) -> list[Sample]:
    """Return proportional memory in MB; the reference signs nobody in: it does seven a second."""
    time.sleep(SETTLED)
    before = load_average()
    numbers = {"idle PSS MB": tree_pss(system.pid), "idle RSS MB": tree_rss(system.pid)}
    numbers |= {f"idle {role} PSS MB": taken for role, taken in pss_by_role(system.pid).items()}
    numbers["s until live"] = system.started
    token = sign_in(system, PATIENT).token
    logins = {"email": THERAPIST, "password": PASSWORD}
    streams = [
        {
            "name": "GETs",
            "requests": [get("/profiles/me", token)],
            "connections": 16,
            "count": GETS // 2,
        },
        {
            "name": "lists",
            "requests": [get("/sessions/me", token)],
            "connections": 16,
            "count": GETS // 2,
        },
        {
            "name": "logins",
            "requests": [post("/auth/login", logins)],
            "connections": 8,
            "count": LOGINS,
        },
    ]
    host, port = system.address
    chosen = streams[:2] if system.name == REFERENCE else streams
    found = load({"host": host, "port": port, "seconds": 120.0, "streams": chosen})
    time.sleep(1.0)
    numbers |= {"PSS MB after": tree_pss(system.pid), "RSS MB after": tree_rss(system.pid)}
    return [
        Sample(
            line="memory",
            system=system.name,
            numbers=numbers,
            requests=sum(each["requests"] for each in found.values()),
            failed=sum(each["failed"] for each in found.values()),
            answers=dict(
                sum((Counter(each["answers"]) for each in found.values()), Counter[str]())
            ),
            load=(before, load_average()),
        )
    ]


LINES = [
    Line(
        "memory",
        f"PSS idle by role, and after {GETS:,} GETs and {LOGINS} logins, of a system that runs alone",
        (EMBEDDED_ONE, AZURE, REFERENCE),
        measure,
        alone=True,
    )
]
