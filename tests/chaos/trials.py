"""A trial: a scenario, a family, a call, and what happens at it, in this process or by kill -9 of one."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests import forked
from tests.chaos import outcome
from tests.chaos.families import Place, a_place
from tests.chaos.file_steps import noting, watch
from tests.chaos.scenarios import SCENARIOS, Step
from tests.chaos.steps import Crash, Cut, Process
from tests.chaos.worlds import RESTART, World, a_world
from tests.workflows.memory_installation import settle_in
from therapy.domain.errors import TryAgain

KILLED = -signal.SIGKILL
TRACE, TRACE_OF_FILES = "trace", "trace-of-files"


@dataclass(frozen=True)
class Trial:
    """A scenario in a family, cut at one of its calls (-1: at none)."""

    scenario: str
    family: str
    cut_at: int = -1
    cut: Cut = Cut.DIES_BEFORE
    again_at: int = -1
    """The call at which the process that comes after it dies as well."""

    def __str__(self) -> str:
        again = f", and the next one at {self.again_at}" if self.again_at >= 0 else ""
        return f"{self.scenario}, {self.family}: {self.cut.value} call {self.cut_at}{again}"


@dataclass
class Laboratory:
    """Prepares the places of trials; `cloud` has the emulators of the family `azure`.

    What a scenario begins with is made once where it is all in one directory or in memory, and copied then.
    In memory, of cuts that leave the same to the byte, whoever comes after goes on for the first only.
    """

    folder: Path
    cloud: Any = None
    begun: dict[tuple[str, Step], Any] = field(default_factory=dict)
    """Snapshots of what scenarios begin with, by the family and the scenario's first step."""

    _begun: dict[tuple[str, str], tuple[Place, datetime]] = field(default_factory=dict)
    _begun_in_memory: dict[str, World] = field(default_factory=dict)
    _gone_on: dict[str, dict[bytes, list[str]]] = field(default_factory=dict)
    _made: int = 0

    async def in_process(self, trial: Trial) -> list[str]:
        """Cut a scenario in this process, see that nothing is lost or doubled, and return its calls.

        Raises:
            AssertionError: something is, or the call was never reached.
        """
        trace = list[str]()
        process = Process(trial.cut_at, trial.cut, note=trace.append)
        async with self._begun_world(trial) as world:
            with named_after(trial, process.calls):
                unsure = set[int]() if trial.cut.comes_after else {trial.cut_at}
                in_memory = trial.family == "memory"
                known = self._gone_on.setdefault(trial.scenario, {}) if in_memory else None
                await finish(World(world.place, world.bare, process), trial.scenario, trace, known)
                outcome.check_stages(trace, unsure, most=2)
                assert trial.cut_at < 0 or process.was_cut, "the call was never reached"
        return process.calls

    async def operations(self, scenario: str) -> int:
        """Return how many operations on files a scenario takes on disk."""
        trial = Trial(scenario, "local", -1, Cut.DIES_AT_FILE)
        async with self.begun_place(trial) as (place, moment):
            code, _ = await _run_dying(trial, place, moment)
            assert code == 0, f"{scenario} ended with {code}"
            return len(lines_of(place.directory / TRACE_OF_FILES))

    async def by_kill(self, trial: Trial) -> None:
        """Cut a scenario by kill -9 of a process that does it, and go on in this one.

        Raises:
            AssertionError: something is lost or doubled, or the call was never reached.
        """
        async with self.begun_place(trial) as (place, begun):
            code, trace = await _run_dying(trial, place, begun)
            with named_after(trial, trace):
                if code == 0 and trial.cut is Cut.DIES_AT_FILE:
                    return  # it took fewer operations than when they were counted
                assert code == KILLED, f"it ended with {code}"
                unsure = set[int]() if trial.cut.comes_after else {len(trace) - 1}
                if trial.again_at >= 0:
                    next_one = replace(trial, cut_at=trial.again_at, cut=Cut.DIES_BEFORE)
                    _, trace = await _run_dying(next_one, place, begun + RESTART)
                    unsure.add(len(trace) - 1)
                async with a_world(place, begun + 2 * RESTART, after(trace)) as world:
                    await finish(world, trial.scenario, trace)
                    outcome.check_stages(trace, unsure, most=2 if trial.again_at < 0 else 3)

    @asynccontextmanager
    async def _begun_world(self, trial: Trial) -> AsyncIterator[World]:
        if trial.family != "memory":
            async with (
                self.begun_place(trial) as (place, moment),
                a_world(place, moment, Process()) as world,
            ):
                yield world
            return
        if trial.scenario not in self._begun_in_memory:
            first = await AsyncExitStack().enter_async_context(self.somewhere("memory"))
            async with a_world(first, moment_of_begin(), Process()) as world:
                await _begin(world, trial.scenario)
            self._begun_in_memory[trial.scenario] = world
        world = self._begun_in_memory[trial.scenario]
        with self._copied(world.place) as place:
            yield world.copied(place)

    @asynccontextmanager
    async def begun_place(self, trial: Trial) -> AsyncIterator[tuple[Place, datetime]]:
        """Yield a place at which a scenario has begun, and the time there; nobody is there."""
        async with AsyncExitStack() as stack:
            if trial.family == "azure":
                place = await stack.enter_async_context(self.somewhere("azure"))
                yield place, await begun_at(place, trial.scenario)
                return
            key = trial.scenario, trial.family
            if key not in self._begun:
                place = await AsyncExitStack().enter_async_context(self.somewhere(trial.family))
                self._begun[key] = place, await begun_at(place, trial.scenario)
            first, moment = self._begun[key]
            yield stack.enter_context(self._copied(first)), moment

    @contextmanager
    def _copied(self, place: Place) -> Iterator[Place]:
        """Yield a copy of a place that is all in one directory."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            directory = Path(name) / "place"
            shutil.copytree(place.directory, directory)
            yield replace(place, directory=directory)

    @asynccontextmanager
    async def somewhere(self, family: str) -> AsyncIterator[Place]:
        """Yield a place with nothing in it."""
        self._made += 1
        async with a_place(family, self.folder / str(self._made), self.cloud) as place:
            yield place


def lines_of(file: Path) -> list[str]:
    """Return the lines of a file; none if there is no such file."""
    return file.read_text().splitlines() if file.exists() else []


def moment_of_begin() -> datetime:
    """Return the time, by which files and blobs are dated, too."""
    return datetime.now().astimezone()


async def begun_at(place: Place, scenario: str) -> datetime:
    async with a_world(place, moment_of_begin(), Process()) as world:
        await _begin(world, scenario)
        return world.bare.clock.now


async def _begin(world: World, scenario: str) -> None:
    await settle(world)
    await SCENARIOS[scenario].begin(world)


async def settle(world: World) -> None:
    """Add the practice and its people."""
    await settle_in(world.bare, expires_at=world.bare.clock.now + timedelta(days=30))


def after(trace: list[str]) -> Process:
    """Return the process that comes after one that was killed."""
    process = Process(note=trace.append)
    process.was_cut = True
    return process


async def finish(
    world: World, name: str, trace: list[str], known: dict[bytes, list[str]] | None = None
) -> None:
    """Act, also after a cut, and see what came of it.

    `known` are, by what a cut left in memory, the calls of whoever came after it: what is in there came to
    a good end before, and is not done again.
    """
    scenario = SCENARIOS[name]
    left, calls = b"", 0
    for _ in range(3):
        try:
            await scenario.act(world)
            break
        except (Crash, TryAgain):
            assert world.process.was_cut
            if known is not None and not left:
                left, calls = world.left(), len(trace)
                if left in known:
                    trace += known[left]
                    return
            world = world.restarted(after(trace))
    await outcome.check(world, scenario.after)
    if known is not None and left:
        known[left] = trace[calls:]


async def _run_dying(trial: Trial, place: Place, moment: datetime) -> tuple[int, list[str]]:
    """Do a scenario in a process that is killed; return its exit code, and all calls at this place so far."""
    code = await asyncio.to_thread(forked.run, _dying, trial, place, moment)
    return code, lines_of(place.directory / TRACE)


def _dying(trial: Trial, place: Place, moment: datetime) -> None:
    """Do a scenario, in a process that is killed at one of its calls."""
    note, cut_at = noting(place.directory / TRACE), trial.cut_at
    if trial.cut is Cut.DIES_AT_FILE:
        watch(place.directory, cut_at, noting(place.directory / TRACE_OF_FILES))
        cut_at = -1

    async def act() -> None:
        process = Process(cut_at, trial.cut, die=_kill, note=note)
        async with a_world(place, moment, process) as world:
            await SCENARIOS[trial.scenario].act(world)

    asyncio.run(act())


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def named_after(trial: Trial, calls: Sequence[str]) -> Iterator[None]:
    """Add to an exception which trial it was, and at which call."""
    try:
        yield
    except BaseException as exc:
        name = calls[trial.cut_at] if 0 <= trial.cut_at < len(calls) else "no call"
        exc.add_note(f"{trial}, {name}")
        raise
