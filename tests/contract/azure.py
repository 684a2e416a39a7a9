"""The azure family's stores and speech: the real SDKs against the emulators, a database for each test."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from therapy.adapters.azure.cosmos.client import Cosmos
    from therapy.adapters.azure.speech.engine import AzureSpeech

DATABASES = (f"contract{number}" for number in itertools.count())


@asynccontextmanager
async def empty_cosmos(
    emulator: Any, *, settle: timedelta = timedelta(seconds=60), **options: Any
) -> AsyncIterator["Cosmos"]:
    """A database with nothing in it but the containers; gone afterwards."""
    from therapy.adapters.azure.cosmos.client import open_cosmos

    opened = open_cosmos(emulator.url, emulator.key, next(DATABASES), settle=settle, **options)
    async with opened as cosmos:
        await cosmos.migrate()
        yield cosmos
        await cosmos.client.delete_database(cosmos.database)


def speech_adapter(get: Callable[[str], Any], directory: Path) -> "AzureSpeech":
    """Speech with the engine that it chooses itself; tests/azure runs the suite with each of the two."""
    from therapy.adapters.azure.speech.connection import SpeechAccess
    from therapy.adapters.azure.speech.engine import AzureSpeech

    speech, fast = get("fake_speech"), get("fake_fast")
    speech.listens = fast.listens = True
    access = SpeechAccess(key=speech.key, host=speech.host, fast_endpoint=fast.url)
    return AzureSpeech(access, directory=directory)
