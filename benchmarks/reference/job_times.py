"""Times jobs that read a session and do nothing: many at once, and one by one."""

from __future__ import annotations

import json
import time
from datetime import datetime
from statistics import median
from typing import Any

from celery.result import AsyncResult

from benchmarks.reference.celery_app import app
from benchmarks.reference.clients import SESSIONS, rows
from benchmarks.reference.jobs import read_session

WAIT_SECONDS = 120
PAUSE_SECONDS = 0.06
"""Between jobs that are started one by one."""


def show(count: int, one_by_one: int) -> None:
    """Print the figures as a line of JSON: jobs a second, and ms from `delay` to the begin of the job."""
    session = rows(SESSIONS, "SELECT TOP 1 c.id, c.therapist_id FROM c")[0]
    _waited(session, 10, pause=0.0)
    alone = _waited(session, one_by_one, pause=PAUSE_SECONDS)
    burst = _waited(session, count, pause=0.0)
    figures = {
        "count": count,
        "seconds": round(burst["seconds"], 3),
        "per_second": round(count / burst["seconds"], 1),
        "enqueued_per_second": round(count / burst["enqueued"], 1),
        "burst_p50_ms": round(median(burst["delays"]), 1),
        "burst_p99_ms": round(sorted(burst["delays"])[int(count * 0.99)], 1),
        "single_p50_ms": round(median(alone["delays"]), 2),
        "single_max_ms": round(max(alone["delays"]), 2),
    }
    print(json.dumps(figures), flush=True)


def _waited(session: dict[str, Any], count: int, *, pause: float) -> dict[str, Any]:
    """Start jobs and wait until all are done. Raises TimeoutError."""
    enqueued: list[tuple[float, AsyncResult[float]]] = []
    began = time.time()
    for _ in range(count):
        at = time.time()
        enqueued.append((at, read_session.delay(session["id"], session["therapist_id"])))
        time.sleep(pause)
    whole = time.time() - began
    done = _answers([str(result.id) for _, result in enqueued])
    last = max(each["ended"] for each in done.values())
    delays = [(done[str(each.id)]["began"] - at) * 1000 for at, each in enqueued]
    return {"seconds": last - began, "enqueued": whole, "delays": delays}


def _answers(names: list[str]) -> dict[str, dict[str, float]]:
    """Return when each job began and ended, asking Redis ten times a second: the jobs have the machine."""
    backend: Any = app.backend
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = backend.client.mget([backend.get_key_for_task(name) for name in names])
        if all(found):
            return {name: _times(raw) for name, raw in zip(names, found, strict=True)}
        time.sleep(0.1)
    raise TimeoutError("not all jobs were done in time")


def _times(raw: bytes) -> dict[str, float]:
    stored = json.loads(raw)
    ended = datetime.fromisoformat(stored["date_done"])
    return {"began": stored["result"], "ended": ended.timestamp()}
