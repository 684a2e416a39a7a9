"""An installation at a place as one process has it, and the people there, who remember what they did."""

import copy
import dataclasses
import io
import json
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import msgspec

from tests.chaos.families import MAILBOX, Place, opened
from tests.chaos.steps import Process
from tests.workflows.memory_installation import MemoryInstallation
from therapy.adapters.local.push import FilePushSender
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.domain.person_limits import PersonLimits
from therapy.domain.run import Run
from therapy.testing.clock import Clock

NOTES = "notes.json"
RESTART = timedelta(minutes=2)
"""After so long leases and claims of the dead have run out."""

ROUNDS = 12
"""How often a worker is rung for at most, two minutes apart, until something is done."""


@dataclass
class World:
    """`bare` is the installation without anybody who counts its steps, to look at it."""

    place: Place
    bare: MemoryInstallation
    process: Process

    @cached_property
    def it(self) -> MemoryInstallation:
        """The installation as this process has it."""
        return self.process.running(self.bare)

    def restarted(self, process: Process) -> "World":
        """Return the same place as another process finds it after a while; rings were lost."""
        self.bare.clock.now += RESTART
        return World(self.place, self.bare.with_ports(doorbell=MemoryDoorbell()), process)

    def copied(self, place: Place) -> "World":
        """Return what this world has in memory once more, at a copy of its place; they share nothing."""
        ports, clock = copy.deepcopy((self.bare.ports, self.bare.clock))
        ports = dataclasses.replace(ports, push=FilePushSender(place.directory / MAILBOX))
        return World(place, MemoryInstallation(ports, clock, {**self.bare.options}), Process())

    def left(self) -> bytes:
        """Return all that another process finds of this world in memory, as bytes.

        Versions are left out: those of new items are random, and whoever writes reads them before.
        """
        ports = self.bare.ports
        items = [
            msgspec.structs.replace(item, version=0)
            for partition in ports.store._partitions.values()
            for item in partition.values()
        ]
        stores = (items, ports.session_index, ports.people_index, ports.recordings)
        written = io.BytesIO()
        pickler = pickle.Pickler(written)
        pickler.fast = True  # equal values are written equally, be they one object or several
        pickler.dump((stores, self.place.told(), self.noted(), self.bare.clock.now))
        return written.getvalue()

    def noted(self) -> dict[str, str]:
        """Return what the people remember."""
        path = self.place.directory / NOTES
        return dict(json.loads(path.read_text())) if path.exists() else {}

    async def once(self, name: str, step: Callable[[], Awaitable[str]]) -> str:
        """Do what a person does not repeat once it was answered; return the answer."""
        notes = self.noted()
        if name not in notes:
            notes[name] = await step()
            (self.place.directory / NOTES).write_text(json.dumps(notes))
        return notes[name]

    async def work_until(self, is_done: Callable[[], Awaitable[bool]]) -> None:
        """Sweep and work until it is done, over and over, some minutes apart."""
        session_id = self.noted()["session"]
        for _ in range(ROUNDS):
            if await is_done():
                return
            await self.it.sweep()
            await self.it.work(session_id)
            self.bare.clock.now += RESTART
        assert await is_done(), finished(await self.bare.runs(session_id))


def finished(runs: Iterable[Run]) -> list[str]:
    """Return runs in words, e.g. `transcribe done`, sorted."""
    return sorted(f"{run.kind.value} {run.state.value}" for run in runs)


@asynccontextmanager
async def a_world(place: Place, now: datetime, process: Process) -> AsyncIterator[World]:
    """Open what is at a place as a process does that starts at this time."""
    clock = Clock(now)
    async with opened(place, clock) as ports:
        limits = PersonLimits(uploads=500, uploads_in_all=500)
        yield World(place, MemoryInstallation(ports, clock, {"limits": limits}), process)
