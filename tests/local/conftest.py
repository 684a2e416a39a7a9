"""A database of one's own; and no more threads of numpy's than a recogniser's process has."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from therapy.adapters.local.sqlite.database import Database

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is first imported
os.environ.setdefault(
    "ORT_DISABLE_TELEMETRY", "1"
)  # as in the child: no file in the home directory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where `database` is."""
    return tmp_path / "therapy.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """An empty database with every step of the schema, which waits for no disk."""
    async with Database.open(path, synchronous="OFF") as opened:
        yield opened
