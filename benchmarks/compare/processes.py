"""What a tree of processes takes: CPU, resident and proportional memory, from /proc (Linux only)."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.embedded_server import MB, cpu_seconds, family, pss, rss

EVERY = 0.25
"""Seconds between two looks at the memory of a tree."""

IDLE = 0.1
"""Cores that a tree takes at most which has nothing to do."""

STARTER = "starter"
ROLES = (
    (re.compile(r"-m benchmarks\.reference "), STARTER),
    (re.compile(r"playback_process"), "playback"),
    (re.compile(r"decoder_process"), "decoder"),
    (re.compile(r"recogniser|speech_process|recognition_process"), "recogniser"),
    (re.compile(r"celery"), "celery"),
    (re.compile(r"gunicorn"), "gunicorn"),
    (re.compile(r"therapy:api"), "api"),
    (re.compile(r"therapy:worker"), "worker"),
    (re.compile(r"\bserve\b"), "api"),
    (re.compile(r"\bworker\b"), "worker"),
    (re.compile(r"\ball\b"), "supervisor"),
)


def tree(pid: int) -> set[int]:
    """Return a process and all it started; without the process that only starts the reference."""
    return set(family(pid)) - ({pid} if role_of(pid) == STARTER else set())


def tree_cpu(pid: int) -> float:
    """CPU seconds of a process and of all it started, those included that have ended."""
    seconds = 0.0
    for each in tree(pid):
        with suppress(OSError):
            seconds += cpu_seconds(each)
    return seconds


def until_idle(pid: int, patience: float = 120.0) -> float:
    """Wait until a tree of processes has nothing to do, or `patience` is over; return the seconds."""
    began, busy = time.monotonic(), True
    while busy and time.monotonic() - began < patience:
        before = tree_cpu(pid)
        time.sleep(1)
        busy = tree_cpu(pid) - before >= IDLE
    return time.monotonic() - began


def tree_pss(pid: int) -> float:
    """Proportional memory of a process and of all it started, in MB."""
    return sum(pss(each) for each in tree(pid)) / MB


def tree_rss(pid: int) -> float:
    """Resident memory of a process and of all it started, in MB; what they share counts for each."""
    return sum(rss(each) for each in tree(pid)) / MB


def role_of(pid: int) -> str:
    """What a process does, by its command, or by its name if it was forked and has named itself."""
    with suppress(OSError):
        entries = [Path(f"/proc/{pid}/{each}").read_bytes() for each in ("comm", "cmdline")]
        words = b" ".join(entries).replace(b"\0", b" ").decode(errors="replace")
        return next((role for pattern, role in ROLES if pattern.search(words)), "other")
    return "gone"


def pss_by_role(pid: int) -> dict[str, float]:
    """Proportional memory of a tree in MB, by what its processes do; `api` is of all API processes."""
    found: Counter[str] = Counter()
    for each in tree(pid):
        found[role_of(each)] += pss(each)
    return {role: taken / MB for role, taken in sorted(found.items())}


@dataclass
class Watch:
    """What was seen of a tree while it was watched: the most memory in MB, and CPU seconds of playback."""

    peak_pss: float = 0.0
    peak_rss: float = 0.0
    playback: dict[int, float] = field(default_factory=dict)

    @property
    def playback_cpu(self) -> float:
        """CPU seconds of the processes that make files for players, as far as they were seen."""
        return sum(self.playback.values())

    def look(self, pid: int) -> None:
        """Look at the tree once."""
        self.peak_pss = max(self.peak_pss, tree_pss(pid))
        self.peak_rss = max(self.peak_rss, tree_rss(pid))
        for each in tree(pid):
            if role_of(each) == "playback":
                with suppress(OSError):
                    self.playback[each] = cpu_seconds(each)


@contextmanager
def watching(pid: int) -> Iterator[Watch]:
    """Watch a tree while the body runs."""
    watch, over = Watch(), threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            watch.look(pid)

    looking = threading.Thread(target=look, daemon=True)
    watch.look(pid)
    looking.start()
    try:
        yield watch
    finally:
        over.set()
        looking.join()


def load_average() -> float:
    """The machine's load average of the last minute."""
    return os.getloadavg()[0]
