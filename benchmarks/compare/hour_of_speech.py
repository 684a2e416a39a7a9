"""An hour of speech through the recogniser of this machine, as benchmarks/hour.py measures it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from benchmarks.compare.measuring import Line, Scale
from benchmarks.compare.processes import load_average
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import EMBEDDED_ONE, NotInstalled, System
from benchmarks.hour import Watch, run
from therapy.adapters.local.speech.whisper_weights import ENGLISH_ONLY, directory_of
from therapy.domain.errors import EngineFailed


def require_model(_scale: Scale, directory: Callable[[str, Path], Path] = directory_of) -> None:
    """Raise NotInstalled unless the recogniser and its model are there, the model as it was published."""
    try:
        directory(ENGLISH_ONLY, Path())  # this one is not written to the cache
        if find_spec("faster_whisper"):
            return
    except EngineFailed:
        pass
    raise NotInstalled(
        f"the line hour needs the local recogniser and its model {ENGLISH_ONLY}; one is missing or damaged:"
        " run `make setup`"
    )


def measure(system: System, scale: Scale) -> list[Sample]:
    """Return how many times faster than real time it is, and what it takes."""
    before = load_average()
    figures = asyncio.run(run(scale.minutes, system.url, Watch(system.pid)))
    numbers = {
        "times real time": scale.minutes * 60 / figures["ready"],
        "peak PSS MB": figures["whole pss"],
        "live p99 ms": figures["live p99"],
        "live slowest ms": figures["live"],
        "CPU s a minute": figures["cpu"],
    }
    answers = int(figures["answers"])  # each of which was 2xx, or the run had ended
    return [
        Sample(
            line="hour",
            system=system.name,
            numbers=numbers,
            requests=answers,
            load=(before, load_average()),
        )
    ]


LINES = [
    Line(
        "hour",
        "an hour of speech through the local recogniser (benchmarks/hour.py)",
        (EMBEDDED_ONE,),
        measure,
        alone=True,
        jobs=0,
        once=True,
        require=require_model,
    )
]
