"""Programs that tests start and kill: `python -m tests.local.writer <what> <directory> <name>`.

Each says what it has written, one line a write, after the store has said so.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from tests.builders import PRACTICE, a_run, a_session, a_version
from therapy.adapters.local.recordings import FileRecordings
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.domain.errors import NotFound, Stale
from therapy.domain.outbox import RunDue
from therapy.domain.upload import BLOCK_SIZE
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.wiring.stores import utc_now

SHARED = "shared"
TIMES = 40


def say(number: int) -> None:
    print(number, flush=True)


def block(number: int) -> bytes:
    return bytes([number % 251]) * BLOCK_SIZE


@asynccontextmanager
async def records_in(directory: Path) -> AsyncIterator[Records]:
    async with Database.open(directory / "therapy.sqlite3") as database:
        yield Records(SqliteStore(database, utc_now), now=utc_now, new_id=lambda: uuid4().hex)


async def commit_until_killed(directory: Path, session_id: str) -> None:
    """Write version n of a session with transcript n, run n and what follows, again and again."""
    async with records_in(directory) as records:
        try:
            number = (await records.sessions.load(PRACTICE, session_id)).version
        except NotFound:
            number = 0
        while True:
            session = a_session(id=session_id, version=number, transcript_number=number + 1)
            number += 1
            version = a_version(number, f"Number {number}", session_id=session_id)
            change = Change(
                records.sessions.write(session),
                records.runs.write(a_run(id=f"run-{number}", session_id=session_id)),
                *await records.transcripts.new(PRACTICE, version),
            )
            await records.commit(PRACTICE, change, RunDue(f"{number}"))
            say(number)


async def count_up(directory: Path, name: str) -> None:
    """Change one shared session TIMES times, taking turns with whoever else does."""
    async with records_in(directory) as records:
        for number in range(TIMES):
            while True:
                try:
                    session = await records.sessions.load(PRACTICE, SHARED)
                except NotFound:
                    session = a_session(id=SHARED)
                titled = replace(session, title=f"{name} {number}")
                change = Change(records.sessions.write(titled))
                try:
                    await records.commit(PRACTICE, change, RunDue(titled.title))
                except Stale:
                    continue
                break
            say(number)


async def stage_until_killed(directory: Path, upload_id: str) -> None:
    """Stage block after block, each one twice."""
    recordings = FileRecordings(directory, reserve=0)
    for number in range(60):
        await recordings.stage(PRACTICE, upload_id, number, block(number))
        say(number)
        await recordings.stage(PRACTICE, upload_id, number, block(number))


if __name__ == "__main__":
    work = {"commit": commit_until_killed, "count": count_up, "stage": stage_until_killed}
    asyncio.run(work[sys.argv[1]](Path(sys.argv[2]), sys.argv[3]))
