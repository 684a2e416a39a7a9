"""A database of one's own, and the first minute of the demo, recognised once for this folder.

No more threads than the child has.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from therapy.adapters.local.sqlite.database import Database

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is first imported
os.environ.setdefault(
    "ORT_DISABLE_TELEMETRY", "1"
)  # as in the child: no file in the home directory


@pytest.fixture(scope="session")
def demo_events(tmp_path_factory):
    """The demo's first minute, recognised once; `tests/cli/test_demo.py` hears all of it."""
    from tests import media
    from tests.local.watched_speech import FIRST_MINUTE, heard

    samples = media.excerpt(0, FIRST_MINUTE)
    return asyncio.run(heard(samples, tmp_path_factory.mktemp("models")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where `database` is."""
    return tmp_path / "therapy.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """An empty database with every step of the schema, which waits for no disk."""
    async with Database.open(path, synchronous="OFF") as opened:
        yield opened
