"""A process that is gone at each of its calls: what it leaves, others find and go on with.

Most of what a trial costs comes before the cut. So a scenario is done once. At each call what is stored then
is put aside, as a process leaves it that dies there: of one that is gone nobody hears, whatever it would have
done next. Then, for each call, that is put back, and another process opens it and goes on. Where nothing was
written between two calls, and no time went by, the one that comes after either finds the same to the byte,
and goes on for both at once. What exceptions do on their way out of a process is not seen: `Process` raises
them, in memory.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.chaos import outcome
from tests.chaos.families import Place, azure_clients
from tests.chaos.scenarios import BEFORE, SCENARIOS, Step
from tests.chaos.steps import Process
from tests.chaos.trials import (
    Laboratory,
    Trial,
    after,
    finish,
    moment_of_begin,
    named_after,
    settle,
)
from tests.chaos.worlds import RESTART, World, a_world

INDEX = "-shm"
"""SQLite's index of what is in its journal: made anew by whoever opens a database after a crash."""


@dataclass(frozen=True)
class Snapshot:
    """What is stored at a place, and the time there; equal ones are the same to the byte, ETags and all.

    `kept` are the names under which emulators keep records and recordings, if they have them; `files` are
    named within the place, so that a snapshot can be put back at another one.
    """

    kept: tuple[str, ...]
    files: tuple[tuple[Path, bytes | None], ...]
    now: datetime


@dataclass(frozen=True)
class Snapshots:
    """Takes snapshots of one place and puts them back; `cloud` has the emulators of a place in Azure."""

    place: Place
    cloud: Any

    def taken(self, now: datetime) -> Snapshot:
        """Return a snapshot; no call begins meanwhile, because this blocks the event loop."""
        kept = [each.keep(name) for each, name in self._emulators()]
        return Snapshot(tuple(kept), tuple(_contents(self.place.directory)), now)

    def put_back(self, snapshot: Snapshot) -> None:
        """Make the place what it was."""
        for (emulator, name), kept in zip(self._emulators(), snapshot.kept, strict=True):
            emulator.put_back(name, kept)
        shutil.rmtree(self.place.directory)
        self.place.directory.mkdir()
        for name, content in snapshot.files:
            path = self.place.directory / name
            path.mkdir() if content is None else path.write_bytes(content)

    def _emulators(self) -> list[tuple[Any, str]]:
        """Return the emulators that have something of this place, with the name of what they have."""
        if self.place.family != "azure":
            return []
        address = self.place.address
        return [
            (self.cloud.cosmos, address["database"]),
            (self.cloud.azurite, address["container"]),
        ]


def _contents(directory: Path) -> Iterator[tuple[Path, bytes | None]]:
    """Yield what is below a directory, folders (None) first; threads may be at work there meanwhile."""
    for folder, folders, names in os.walk(directory):
        within = Path(folder).relative_to(directory)
        yield from ((within / name, None) for name in folders)
        for name in names:
            if not name.endswith(INDEX):
                with suppress(FileNotFoundError):
                    yield within / name, Path(folder, name).read_bytes()


@dataclass
class Deaths:
    """The calls of a scenario, and what was stored before each of them and after the last."""

    calls: list[str] = field(default_factory=list)
    left: dict[Snapshot, list[int]] = field(default_factory=dict)
    """By what was stored, the numbers of the calls before which it was."""

    def note(self, snapshot: Snapshot) -> None:
        """Note what is stored before the next call."""
        self.left.setdefault(snapshot, []).append(len(self.calls))


async def cut_at_every_call(name: str, family: str, laboratory: Laboratory) -> Deaths:
    """Cut a scenario at each of its calls, and see that nothing is lost or doubled.

    Raises:
        AssertionError: something is.
    """
    async with _shared_place(family, laboratory) as place:
        snapshots = Snapshots(place, laboratory.cloud)
        moment = await _begun(SCENARIOS[name].begin, snapshots, laboratory)
        async with a_world(place, moment, Process()) as world:
            deaths = await _deaths(world, name, snapshots)
        for snapshot, numbers in deaths.left.items():
            snapshots.put_back(snapshot)
            later: list[str] = []
            with named_after(Trial(name, family, numbers[-1]), deaths.calls):
                async with a_world(place, snapshot.now + RESTART, after(later)) as world:
                    await finish(world, name, later)
            for at in numbers:
                with named_after(Trial(name, family, at), deaths.calls):
                    _check_stages(deaths.calls, at, later)
    return deaths


async def _begun(begin: Step, snapshots: Snapshots, laboratory: Laboratory) -> datetime:
    """Make what a scenario begins with, unless another one of this laboratory did; return the time there."""
    place, key = snapshots.place, (snapshots.place.family, begin)
    if key in laboratory.begun:
        snapshots.put_back(laboratory.begun[key])
        return laboratory.begun[key].now
    before = BEFORE.get(begin)
    now = await _begun(before, snapshots, laboratory) if before else moment_of_begin()
    async with a_world(place, now, Process()) as world:
        if not before:
            await settle(world)
        await begin(world)
        now = world.bare.clock.now
    laboratory.begun[key] = snapshots.taken(now)
    return now


@asynccontextmanager
async def _shared_place(family: str, laboratory: Laboratory) -> AsyncIterator[Place]:
    """Yield a place whose processes share the clients of Azure's SDKs; nothing else of them survives."""
    async with laboratory.somewhere(family) as place:
        if family == "azure":
            async with azure_clients(place) as clients:
                yield replace(place, clients=clients)
        else:
            yield place


async def _deaths(world: World, name: str, snapshots: Snapshots) -> Deaths:
    """Do a scenario, and take a snapshot before each of its calls and after the last."""
    deaths = Deaths()

    def note(call: str) -> None:
        deaths.note(snapshots.taken(world.bare.clock.now))
        deaths.calls.append(call)

    await SCENARIOS[name].act(World(world.place, world.bare, Process(note=note)))
    deaths.note(snapshots.taken(world.bare.clock.now))
    return deaths


def _check_stages(calls: list[str], at: int, later: list[str]) -> None:
    """See that no stage is done again that was stored before a death at this call."""
    unsure = {at} if at < len(calls) else set()
    outcome.check_stages([*calls[: at + 1], *later], unsure, most=2)
