"""A process in Azure that is gone at each of its calls: what it leaves there, others find and go on with.

A trial in Azure takes 0.5 s of CPU, most of it for what comes before the cut. So a scenario is done once. At
each call what is stored then is kept by the emulators, as a process leaves it that dies there: of one that
is gone nobody hears, whatever it would have done next. Then, for each call, that is put back, and another
process goes on with it. Where nothing was written between two calls, and no time went by, the one that comes
after either finds the same to the byte, and goes on for both at once.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.chaos import outcome
from tests.chaos.families import Place, azure_clients
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.steps import Process
from tests.chaos.trials import Laboratory, Trial, after, begun_at, finish, named_after
from tests.chaos.worlds import RESTART, World, a_world
from tests.file_search import files_below


@dataclass(frozen=True)
class Snapshot:
    """What is stored at a place, and the time there; equal ones are the same to the byte, ETags and all."""

    records: str
    recordings: str
    files: tuple[tuple[Path, bytes], ...]
    now: datetime


@dataclass(frozen=True)
class Snapshots:
    """Takes snapshots of one place and puts them back; `cloud` has its emulators."""

    place: Place
    cloud: Any

    def taken(self, now: datetime) -> Snapshot:
        """Return a snapshot; no request begins meanwhile, because this blocks the event loop."""
        paths = files_below(self.place.directory)
        return Snapshot(
            self.cloud.cosmos.keep(self.place.address["database"]),
            self.cloud.azurite.keep(self.place.address["container"]),
            tuple((path, path.read_bytes()) for path in paths),
            now,
        )

    def forget(self) -> None:
        """Let the emulators forget all snapshots."""
        self.cloud.cosmos.forget()
        self.cloud.azurite.forget()

    def put_back(self, snapshot: Snapshot) -> None:
        """Make the place what it was."""
        self.cloud.cosmos.put_back(self.place.address["database"], snapshot.records)
        self.cloud.azurite.put_back(self.place.address["container"], snapshot.recordings)
        for path in files_below(self.place.directory):
            path.unlink()
        for path, content in snapshot.files:
            path.write_bytes(content)


@dataclass
class Deaths:
    """The calls of a scenario, and what was stored before each of them and after the last."""

    calls: list[str] = field(default_factory=list)
    left: dict[Snapshot, list[int]] = field(default_factory=dict)
    """By what was stored, the numbers of the calls before which it was."""

    def note(self, snapshot: Snapshot) -> None:
        """Note what is stored before the next call."""
        self.left.setdefault(snapshot, []).append(len(self.calls))


async def cut_at_every_call(name: str, laboratory: Laboratory) -> Deaths:
    """Cut a scenario in Azure at each of its calls, and see that nothing is lost or doubled.

    Raises:
        AssertionError: something is.
    """
    async with laboratory.somewhere("azure") as place, azure_clients(place) as clients:
        shared = replace(place, clients=clients)
        snapshots = Snapshots(shared, laboratory.cloud)
        async with a_world(shared, await begun_at(shared, name), Process()) as world:
            deaths = await _deaths(world, name, snapshots)
        for snapshot, numbers in deaths.left.items():
            with named_after(Trial(name, "azure", numbers[-1]), deaths.calls):
                snapshots.put_back(snapshot)
                later: list[str] = []
                async with a_world(shared, snapshot.now + RESTART, after(later)) as world:
                    await finish(world, name, later)
            for at in numbers:
                with named_after(Trial(name, "azure", at), deaths.calls):
                    _check_stages(deaths.calls, at, later)
        snapshots.forget()
    return deaths


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
