"""The queue: 500 jobs that only look whether there is work on their session, and 50 of them one by one.

Ours is the product's worker, in two processes, told by the product's doorbell over Redis; each job reads its
session's runs in the store. The reference's is a Celery task that reads its session. Latency is from the
call that tells a worker until its job has begun.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

from benchmarks.compare.client import ask, sign_in
from benchmarks.compare.limits import bare_xadd
from benchmarks.compare.measuring import Line, Scale
from benchmarks.compare.practice import JOBS, OTHER_THERAPIST, PATIENT, THERAPIST
from benchmarks.compare.processes import load_average, tree_cpu
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import AZURE, REFERENCE, REFERENCE_PYTHON, ROOT, System, first_line

WORKERS = 2
ONE_BY_ONE = 50
LISTS = ((THERAPIST, "/data/pending"), (PATIENT, "/sessions/me"), (OTHER_THERAPIST, "/sessions/me"))


def measure(system: System, scale: Scale) -> list[Sample]:
    """Return jobs a second, latencies and CPU for each job."""
    before = load_average()
    found = reference(system, scale) if system.name == REFERENCE else ours(system, scale)
    jobs = int(found["count"])
    numbers = {
        "jobs/s": found["per_second"],
        "burst p99 ms": found["burst_p99_ms"],
        "burst p50 ms": found["burst_p50_ms"],
        "single p50 ms": found["single_p50_ms"],
        "CPU ms": found["cpu"] * 1000 / (jobs + ONE_BY_ONE),
    }
    sample = Sample(
        line="queue",
        system=system.name,
        numbers=numbers,
        requests=jobs,
        failed=scale.jobs - jobs,
        load=(before, load_average()),
    )
    return [sample]


def reference(system: System, scale: Scale) -> dict[str, float]:
    """Return what the reference says of its own jobs."""
    cpu = tree_cpu(system.pid)
    said = _said(
        [str(REFERENCE_PYTHON), "-m", "benchmarks.reference", "jobs"],
        ["--count", str(scale.jobs), "--one-by-one", str(ONE_BY_ONE)],
        system,
    )
    return said | {"cpu": tree_cpu(system.pid) - cpu}


def ours(system: System, scale: Scale) -> dict[str, float]:
    """Return what `queue_jobs` says of ours."""
    sessions = [
        each["id"]
        for who, path in LISTS
        for each in ask(system, "GET", path, token=sign_in(system, who).token)
    ]
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(system, number)) for number in range(WORKERS)]
        for each in workers:
            stack.callback(each.terminate)
            first_line(each.stdout)  # it listens
        cpu = sum(tree_cpu(each.pid) for each in workers)
        said = _said(
            [sys.executable, "-m", "benchmarks.compare.queue_jobs", "ring", str(system.folder)],
            [THERAPIST, str(ONE_BY_ONE), *sessions[: scale.jobs]],
            system,
        )
        return said | {"cpu": sum(tree_cpu(each.pid) for each in workers) - cpu}


def _worker(system: System, number: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.compare.queue_jobs",
        "work",
        str(system.folder),
        str(number),
    ]
    log = (system.folder / f"queue-{number}.log").open("w")
    return subprocess.Popen(
        command, cwd=ROOT, env=system.environment, stdout=subprocess.PIPE, stderr=log, text=True
    )


def _said(command: list[str], arguments: list[str], system: System) -> dict[str, Any]:
    """Return the JSON that a command prints last."""
    done = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env=system.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


LINES = [
    Line(
        "queue",
        f"{JOBS} no-op jobs with the store read: rate, burst, one by one",
        (AZURE, REFERENCE),
        measure,
        {"bare-xadd": bare_xadd},
        alone=True,
        without_worker=(AZURE,),
        jobs=JOBS,
    )
]
