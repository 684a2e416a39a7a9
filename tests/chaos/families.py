"""The families of adapters, each at a place that a second process can open, and what is left there.

Engines, the doorbell, mail and passwords are the fakes: nothing of them survives a process.
"""

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.builders import PRACTICE
from tests.contract.azure import empty_cosmos
from tests.contract.stores import empty_database
from tests.file_search import files_below
from tests.workflows.memory_installation import SCRIPT
from therapy.adapters.local.push import FilePushSender, sent_pushes
from therapy.adapters.local.recordings import FileRecordings
from therapy.adapters.local.sqlite.database import FILE_NAME, Database
from therapy.ports.store import LAST_MOMENT
from therapy.testing.clock import Clock
from therapy.testing.memory import memory_ports
from therapy.wiring.stores import cosmos_stores, sqlite_stores
from therapy.workflows.installation import Ports

MAILBOX = "mailbox"


@dataclass(frozen=True)
class Place:
    """Where an installation of a family keeps everything; `address` is that of what is not in `directory`."""

    family: str
    directory: Path
    address: Mapping[str, str] = field(default_factory=dict)
    clients: Any = None
    """The SDKs' clients, where processes at this place share them; each opens its own otherwise."""

    def told(self) -> list[tuple[str, str]]:
        """Return kind and id of each push that was sent, twice if it was sent twice."""
        pushes = sent_pushes(self.directory / MAILBOX)
        return [(each.message.kind.value, each.message.id) for each in pushes]

    async def files(self, ports: Ports) -> tuple[list[str], list[str]]:
        """Return what is under keys of recordings, and all else: temporary files, blocks and journals."""
        recordings: Any = ports.recordings
        folders = (self.directory / "recordings/staging", self.directory / "backup-in-progress")
        found = [path for folder in folders for path in files_below(folder)]
        found += [path for path in files_below(self.directory) if path.suffix == ".part"]
        left = [str(path.relative_to(self.directory)) for path in found]
        if self.family == "azure":
            listed = recordings._container.list_blobs(include=["uncommittedblobs"])
            names, ours = [each.name async for each in listed], f"practice/{PRACTICE}/"
            keys = [each.removeprefix(ours) for each in names if each.startswith(ours)]
            return keys, left + [each for each in names if not each.startswith(ours)]
        if self.family == "memory":
            left += map(str, await recordings.staged_before(LAST_MOMENT, 1_000))
            return [key for _, key in recordings._kept], left
        return [key async for where, key in recordings.kept() if where == PRACTICE], left


@asynccontextmanager
async def a_place(family: str, directory: Path, cloud: Any = None) -> AsyncIterator[Place]:
    """Yield a place with nothing in it; `cloud` has the emulators `cosmos` and `azurite`."""
    await asyncio.to_thread(directory.mkdir, parents=True)
    if family == "local":
        (directory / FILE_NAME).write_bytes(await empty_database())
    if family != "azure":
        yield Place(family, directory)
        return
    async with empty_cosmos(cloud.cosmos) as cosmos:
        address = {
            "uri": cloud.cosmos.url,
            "key": cloud.cosmos.key,
            "database": cosmos.database.id,
            "storage": cloud.azurite.connection_string,
            "container": f"chaos-{uuid.uuid4().hex}",
        }
        yield Place(family, directory, address)


@dataclass
class Numbered:
    """Ids that count up, and in a copy of what is in memory go on as in the original."""

    made: int = 0

    def __call__(self) -> str:
        """Return the next id."""
        self.made += 1
        return f"{self.made:032x}"


@asynccontextmanager
async def opened(place: Place, clock: Clock) -> AsyncIterator[Ports]:
    """Open what is in a place, as a process does that starts there; close it at the end."""
    fakes = dataclasses.replace(
        memory_ports(said=SCRIPT, clock=clock),
        push=FilePushSender(place.directory / MAILBOX),
        new_id=Numbered() if place.family == "memory" else lambda: uuid.uuid4().hex,
    )
    async with FAMILIES[place.family](place, clock) as adapters:
        yield dataclasses.replace(fakes, **adapters)


@asynccontextmanager
async def memory(_: Place, __: Clock) -> AsyncIterator[dict[str, Any]]:
    yield {}


@asynccontextmanager
async def local(place: Place, clock: Clock) -> AsyncIterator[dict[str, Any]]:
    async with (
        Database.open(place.directory / FILE_NAME, synchronous="OFF") as database,
        FileRecordings.open(place.directory / "recordings", reserve=0) as recordings,
    ):
        yield {"recordings": recordings, **stores_of(sqlite_stores(database, clock))}


@asynccontextmanager
async def azure(place: Place, clock: Clock) -> AsyncIterator[dict[str, Any]]:
    opening = nullcontext(place.clients) if place.clients else azure_clients(place)
    async with opening as (cosmos, recordings):
        yield {"recordings": recordings, **stores_of(cosmos_stores(cosmos, clock))}


@asynccontextmanager
async def azure_clients(place: Place) -> AsyncIterator[tuple[Any, Any]]:
    """Open Cosmos DB and the recordings."""
    from therapy.adapters.azure.blob.recordings import BlobRecordings
    from therapy.adapters.azure.cosmos.client import open_cosmos

    at = place.address
    async with (
        open_cosmos(at["uri"], at["key"], at["database"]) as cosmos,
        BlobRecordings.open(at["container"], connection_string=at["storage"]) as recordings,
    ):
        yield cosmos, recordings


def stores_of(stores: Any) -> dict[str, Any]:
    names = ("store", "session_index", "people_index")
    return {name: getattr(stores, name) for name in names}


FAMILIES = {"memory": memory, "local": local, "azure": azure}
