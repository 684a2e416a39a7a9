"""The azure family's stores and speech: the real SDKs against emulators, each test on an empty database."""

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from therapy.adapters.azure.cosmos.client import Cosmos
    from therapy.adapters.azure.speech.engine import AzureSpeech

DATABASES = (f"contract{number}" for number in itertools.count())


@dataclass
class Made:
    """A database that nobody uses now, with its containers as they were when they were made."""

    name: str
    containers: Any = None


SPARE: dict[str, list[Made]] = defaultdict(list)
"""By the address of the emulator. To make a database takes 90 ms, to empty one takes 1."""


@asynccontextmanager
async def empty_cosmos(
    emulator: Any, *, settle: timedelta = timedelta(seconds=60), **options: Any
) -> AsyncIterator["Cosmos"]:
    """A database with nothing in it but the containers; nobody else has it meanwhile."""
    from therapy.adapters.azure.cosmos.client import open_cosmos

    spare = SPARE[emulator.url]
    database = spare.pop() if spare else Made(next(DATABASES))
    opened = open_cosmos(emulator.url, emulator.key, database.name, settle=settle, **options)
    async with opened as cosmos:
        await _empty(emulator, cosmos, database)
        try:
            yield cosmos
        finally:
            spare.append(database)


async def _empty(emulator: Any, cosmos: "Cosmos", database: Made) -> None:
    """Make it, or make it again where a test has changed its containers; else only empty it."""
    containers = emulator.empty(database.name)
    if containers and containers == database.containers:
        return
    if containers is not None:
        await cosmos.client.delete_database(database.name)
    await cosmos.migrate()
    database.containers = emulator.empty(database.name)


def speech_adapter(get: Callable[[str], Any], directory: Path) -> "AzureSpeech":
    """Speech with the engine that it chooses itself; tests/azure runs the suite with each of the two."""
    from therapy.adapters.azure.speech.connection import SpeechAccess
    from therapy.adapters.azure.speech.engine import AzureSpeech

    speech, fast = get("fake_speech"), get("fake_fast")
    speech.listens = fast.listens = True
    access = SpeechAccess(key=speech.key, host=speech.host, fast_endpoint=fast.url)
    return AzureSpeech(access, directory=directory)
