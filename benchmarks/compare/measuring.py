"""What every line is: measured on systems, with bare limits beside them, alone on the machine or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.compare.load import load
from benchmarks.compare.processes import load_average, tree_cpu
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import Cloud, System


@dataclass(frozen=True)
class Scale:
    """How long and how much is measured; `pace` is the fake engines' part of their true time."""

    seconds: float = 4.0
    minutes: float = 60.0
    pace: float = 1.0
    jobs: int = 500
    sessions: int = 1_000_000

    @property
    def short(self) -> bool:
        """Whether this is less than what the bounds are for."""
        whole = Scale()
        mine = self.seconds, self.minutes, self.pace, self.jobs, self.sessions
        of_whole = whole.seconds, whole.minutes, whole.pace, whole.jobs, whole.sessions
        return any(each < bound for each, bound in zip(mine, of_whole, strict=True))


@dataclass(frozen=True)
class Place:
    """What a bare limit runs beside: the emulators, if its line has them, and a directory."""

    cloud: Cloud | None
    folder: Path
    scale: Scale


@dataclass(frozen=True)
class Line:
    """A line, or a group of lines that are measured in one go.

    `measure` is asked for each of `systems`, and each of `limits` for itself. `alone`: each system is started
    for this line, and nothing else runs meanwhile. `once`: in the first round only. `worker`: whether systems
    have one. `jobs`: sessions of the practice, if fewer do. `times`: rounds for each of the others. `require`
    raises NotInstalled where the line can't be measured; it is asked before anything is.
    """

    name: str
    about: str
    systems: tuple[str, ...] = ()
    measure: Callable[[System, Scale], list[Sample]] | None = None
    limits: Mapping[str, Callable[[Place], list[Sample]]] = field(default_factory=dict)
    alone: bool = False
    once: bool = False
    without_worker: tuple[str, ...] = ()
    jobs: int = 190
    times: int = 1
    needs_cloud: bool = True
    require: Callable[[Scale], None] | None = None


def under_load(
    line: str, system: System, streams: list[dict[str, Any]], seconds: float
) -> dict[str, Sample]:
    """Return what came of each stream of requests; CPU is of the system's whole tree, for each request."""
    host, port = system.address
    before, cpu = load_average(), tree_cpu(system.pid)
    outcome = load({"host": host, "port": port, "seconds": seconds, "streams": streams})
    spent = tree_cpu(system.pid) - cpu
    after = load_average()
    requests = sum(each["requests"] for each in outcome.values())
    return {
        name: Sample(
            line=line,
            system=system.name,
            requests=each["requests"],
            failed=each["failed"],
            answers=each["answers"],
            load=(before, after),
            numbers={
                "req/s": each["a second"],
                "CPU ms": spent * 1000 / max(1, requests),
                "p50 ms": each["p50"],
                "p99 ms": each["p99"],
                "slowest ms": each["slowest"],
            },
        )
        for name, each in outcome.items()
    }
