"""Runs the rounds: each line on each system in turn, then again."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import structs

from benchmarks.compare.machine import commit, machine
from benchmarks.compare.measuring import Line, Place, Scale
from benchmarks.compare.processes import load_average
from benchmarks.compare.results import LOADS, Results, Sample
from benchmarks.compare.systems import (
    AZURE,
    RAISED,
    REFERENCE,
    SYSTEMS,
    System,
    cloud,
    folder,
    prepare,
    system,
)

ROUNDS = 3
"""The least that the bounds are for."""


def run(
    lines: Sequence[Line],
    systems: Sequence[str],
    rounds: int,
    scale: Scale,
    *,
    limits: bool = True,
    keep: Callable[[Results], None],
    failed: dict[str, str],
) -> Results:
    """Return the results of measuring lines on systems, and of their bare limits.

    `keep` gets them after each sample, so that those of a run that is ended early are not lost. A line that
    can't be measured to its end is put into `failed`, with why; none of its samples is in the results.
    """
    began, before = time.monotonic(), load_average()
    chosen = [_restricted(each, systems, limits=limits) for each in lines]
    empty = begun(rounds, scale)
    taken: list[_Taken] = []

    def so_far() -> Results:
        samples = tuple(each.sample for each in taken if each.line not in failed)
        loads = f"{before:.1f}", _loads(samples), f"{load_average():.1f}"
        return structs.replace(
            empty,
            samples=samples,
            seconds=round(time.monotonic() - began),
            machine=empty.machine | dict(zip(LOADS, loads, strict=True)),
        )

    for each in _samples(chosen, rounds, scale, failed):
        taken.append(each)
        keep(so_far())
    if failed:
        keep(so_far())  # without the samples of the last that failed
    return so_far()


def begun(rounds: int, scale: Scale) -> Results:
    """Return the results of a run in which nothing has been measured yet."""
    raised = ", ".join(f"{name}={value}" for name, value in RAISED.items())
    return Results(
        date=datetime.now(UTC).isoformat(timespec="minutes"),
        commit=commit(),
        machine=machine(),
        rounds=rounds,
        seconds=0,
        samples=(),
        notes=(f"limits of ours that are raised or off: {raised}",),
        short=scale.short or rounds < ROUNDS,
    )


class _Taken(NamedTuple):
    """A sample, and the name of the line that it was taken for; it may stand in the table under another."""

    line: str
    sample: Sample


def _samples(
    chosen: Sequence[Line], rounds: int, scale: Scale, failed: dict[str, str]
) -> Iterator[_Taken]:
    """Measure lines: first those whose systems stay up, then those whose systems run alone."""
    together = [each for each in chosen if not each.alone]
    alone = [each for each in chosen if each.alone and each.jobs]
    fresh = [each for each in chosen if each.alone and not each.jobs]
    with _prepared(chosen, scale) as prepared:
        yield from _together(together, _Turns(together, rounds, failed), prepared)
        yield from _alone(alone, _Turns(alone, rounds, failed), prepared)
    yield from _fresh(_Turns(fresh, rounds, failed), scale)


def _restricted(line: Line, systems: Sequence[str], *, limits: bool) -> Line:
    kept = {
        name: each
        for name, each in line.limits.items()
        if (name in systems if name in SYSTEMS else limits)
    }
    return replace(
        line, systems=tuple(each for each in line.systems if each in systems), limits=kept
    )


def _loads(samples: Sequence[Sample]) -> str:
    loads = [each.load[0] for each in samples] or [0.0]
    return f"{min(loads):.1f} to {max(loads):.1f}"


@dataclass
class Prepared:
    """Emulators, a directory, and the environments of systems whose stores have the practice; made once."""

    place: Place
    jobs: int
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def environment(self, name: str) -> dict[str, str]:
        """Return a system's environment, with the practice in its store."""
        if name not in self.environments:
            say(f"writing the practice for {name}")
            near, emulators = self.place.folder, self.place.cloud
            self.environments[name] = prepare(name, near, emulators, self.jobs)
        return self.environments[name]


@contextmanager
def _prepared(lines: Sequence[Line], scale: Scale) -> Iterator[Prepared]:
    """Yield what all lines share that read the practice."""
    jobs = min(max((line.jobs for line in lines), default=0), scale.jobs)
    needs = any(
        line.jobs and (set(line.systems) & {AZURE, REFERENCE} or line.limits) for line in lines
    )
    with folder() as near, cloud() if needs else nullcontext() as emulators:
        yield Prepared(Place(emulators, near, scale), jobs)


def _together(lines: Sequence[Line], turns: _Turns, prepared: Prepared) -> Iterator[_Taken]:
    """Measure lines whose systems stay up for all rounds."""
    names = dict.fromkeys(name for line in lines for name in line.systems)
    place = prepared.place
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(system(name, prepared.environment(name), place.folder))
            for name in names
        }
        for number, line in turns:
            with turns.noting(line):
                for name in line.systems:
                    yield from _measured(line, number, running[name], place.scale)
                yield from _limits(line, number, place)


def _alone(lines: Sequence[Line], turns: _Turns, prepared: Prepared) -> Iterator[_Taken]:
    """Measure lines for which each system runs alone, on the practice."""
    place = prepared.place
    for line in lines:
        with turns.noting(line):
            for name in line.systems:
                prepared.environment(name)
    for number, line in turns:
        with turns.noting(line):
            for name in line.systems:
                with system(
                    name,
                    prepared.environment(name),
                    place.folder,
                    worker=name not in line.without_worker,
                ) as running:
                    yield from _measured(line, number, running, place.scale)
            yield from _limits(line, number, place)


def _fresh(turns: _Turns, scale: Scale) -> Iterator[_Taken]:
    """Measure lines for which each system runs alone, over new emulators and an empty store."""
    for number, line in turns:
        with turns.noting(line):
            yield from _over_nothing(line, number, scale)


def _over_nothing(line: Line, number: int, scale: Scale) -> Iterator[_Taken]:
    for name in line.systems:
        with (
            folder() as near,
            cloud() if name in {AZURE, REFERENCE} else nullcontext() as emulators,
        ):
            environment = prepare(name, near, emulators, 0)
            worker = name not in line.without_worker
            with system(name, environment, near, worker=worker) as running:
                yield from _measured(line, number, running, scale)
    for name, limit in line.limits.items():
        with folder() as near, cloud() if line.needs_cloud else nullcontext() as emulators:
            yield from _limit(line.name, name, limit, number, Place(emulators, near, scale))


@dataclass(frozen=True)
class _Turns:
    """Every line in each round, in order, with the round's number; not again once it has failed."""

    lines: Sequence[Line]
    rounds: int
    failed: dict[str, str]

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        for turn in range(1, self.rounds + 1):
            for line in self.lines:
                if not line.once or turn == 1:
                    for number in range((turn - 1) * line.times + 1, turn * line.times + 1):
                        if line.name not in self.failed:
                            yield number, line

    @contextmanager
    def noting(self, line: Line) -> Iterator[None]:
        """Put a line that fails in the body among the failed ones, and go on; say how it failed."""
        try:
            yield
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - one line must not cost all others
            self.failed.setdefault(line.name, f"{type(failure).__name__}: {failure}")
            say("".join(traceback.format_exception(failure)))
            say(f"    {line.name} FAILED; going on with the other lines")


def _measured(line: Line, number: int, running: System, scale: Scale) -> Iterator[_Taken]:
    say(f"round {number}: {line.name}, {running.name}")
    samples = line.measure(running, scale) if line.measure else []
    yield from _numbered(line.name, samples, number)


def _limits(line: Line, number: int, place: Place) -> Iterator[_Taken]:
    for name, limit in line.limits.items():
        yield from _limit(line.name, name, limit, number, place)


def _limit(
    line: str, name: str, limit: Callable[[Place], list[Sample]], number: int, place: Place
) -> Iterator[_Taken]:
    say(f"round {number}: {line}, {name}")
    yield from _numbered(line, limit(place), number)


def _numbered(line: str, samples: Sequence[Sample], number: int) -> Iterator[_Taken]:
    for each in samples:
        failed = f" FAILED {each.failed}: {each.answers}" if each.failed else ""
        figures = ", ".join(f"{name} {value:.4g}" for name, value in each.numbers.items())
        say(f"    {each.line}, {each.system}: {figures}{failed}")
        yield _Taken(line, structs.replace(each, round=number))


def say(text: str) -> None:
    """Tell whoever waits what is measured now."""
    print(text, file=sys.stderr, flush=True)
