"""The practice that all systems serve: lists of 95 rows, and sessions for 500 jobs, all invented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

THERAPIST, PATIENT = "olivia.hayes1@example.health", "sam.patient@example.health"
OTHER_THERAPIST = "noa.bar3@example.health"
PASSWORD = "bench-passphrase"  # noqa: S105 - of a throw-away store
ROWS = 95
JOBS = 500
"""Sessions in all: each of the queue's jobs reads another one."""

PEOPLE = [
    {"role": "THERAPIST", "email": THERAPIST, "full_name": "Olivia Hayes"},
    {"role": "THERAPIST", "email": OTHER_THERAPIST, "full_name": "Noa Bar"},
    {"role": "PATIENT", "email": PATIENT, "full_name": "Sam Patient", "number": "200000017"},
    {
        "role": "PATIENT",
        "email": "jo.dan4@example.health",
        "full_name": "Jo Dan",
        "number": "200000025",
    },
]


def lines(number: int) -> list[dict[str, str]]:
    """Return what is said in a session: a session's id comes from it."""
    return [
        {"speaker": "Therapist", "text": f"Meeting {number}. How did you sleep?"},
        {"speaker": "Patient", "text": "Badly, and I worry."},
    ]


def session(number: int, therapist: str, patient: str, state: str) -> dict[str, Any]:
    """Return one session as `therapy seed --file` takes it."""
    return {
        "therapist": therapist,
        "patient": patient,
        "state": state,
        "days_ago": number,
        "summary": f"Meeting {number}: sleep, pressure at work, what would make the weeks lighter.",
        "lines": lines(number),
    }


def practice(jobs: int = JOBS) -> dict[str, Any]:
    """Return the practice: ROWS sessions in either list, and others up to `jobs`; people only for 0."""
    rows = range(ROWS if jobs else 0)
    others = range(2 * ROWS, jobs)
    return {
        "practice": "Benchmark practice",
        "language": "en",
        "people": PEOPLE,
        "sessions": [
            *(session(each, THERAPIST, "200000017", "closed") for each in rows),
            *(session(each, THERAPIST, "200000025", "awaiting_review") for each in rows),
            *(session(each, OTHER_THERAPIST, "200000025", "closed") for each in others),
        ],
    }


def write_practice(folder: Path, jobs: int = JOBS) -> Path:
    """Write the practice to a file for `therapy seed --file`, and return its path."""
    path = folder / f"practice-{jobs}.json"
    path.write_text(json.dumps(practice(jobs)), encoding="utf-8")
    return path
