"""The azure family's stores and speech: the real SDKs against emulators, each test on an empty database."""

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from therapy.adapters.azure.cosmos.client import Cosmos
    from therapy.adapters.azure.speech.engine import AzureSpeech

DATABASES = (f"contract{number}" for number in itertools.count())


SPARE: dict[str, list[str]] = defaultdict(list)
"""Databases that nobody uses now, by the address of the emulator.

To make a database takes 90 ms, to empty one takes 1.
"""

MADE: dict[str, dict[str, Any]] = defaultdict(dict)
"""The containers of each database as they were when they were made, by the address of the emulator."""


@asynccontextmanager
async def empty_cosmos(
    emulator: Any, *, settle: timedelta = timedelta(seconds=60), **options: Any
) -> AsyncIterator["Cosmos"]:
    """A database with nothing in it but the containers; nobody else has it meanwhile."""
    from therapy.adapters.azure.cosmos.client import open_cosmos

    spare = SPARE[emulator.url]
    name = spare.pop() if spare else next(DATABASES)
    opened = open_cosmos(emulator.url, emulator.key, name, settle=settle, **options)
    async with opened as cosmos:
        await empty(emulator, cosmos)
        try:
            yield cosmos
        finally:
            spare.append(name)


async def empty(emulator: Any, cosmos: "Cosmos") -> None:
    """Make its database, or make it again where a test has changed the containers; else only empty it."""
    name = cosmos.database.id
    containers = emulator.empty(name)
    if containers and containers == MADE[emulator.url].get(name):
        return
    if containers is not None:
        await cosmos.client.delete_database(name)
    await cosmos.migrate()
    MADE[emulator.url][name] = emulator.empty(name)


def speech_adapter(get: Callable[[str], Any], directory: Path) -> "AzureSpeech":
    """Speech with the engine that it chooses itself; tests/azure runs the suite with each of the two."""
    from therapy.adapters.azure.speech.connection import SpeechAccess
    from therapy.adapters.azure.speech.engine import AzureSpeech

    speech, fast = get("fake_speech"), get("fake_fast")
    speech.listens = fast.listens = True
    access = SpeechAccess(key=speech.key, host=speech.host, fast_endpoint=fast.url)
    return AzureSpeech(access, directory=directory)
