"""Programs that tests start and kill: `python -m tests.local.writer <what> <directory> <name>`.

Each says what it has written, one line a write, after the store has said so.
"""

import asyncio
import sys
from pathlib import Path

from msgspec.structs import replace

from tests.builders import PRACTICE, a_run, a_session, a_version, an_item
from therapy.adapters.local.recordings import FileRecordings
from therapy.adapters.local.sessions import SqliteSessions
from therapy.adapters.local.sqlite.database import Database
from therapy.domain.errors import NotFound, Stale
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.sessions import Change

SHARED = "shared"
TIMES = 40


def say(number: int) -> None:
    print(number, flush=True)


def block(number: int) -> bytes:
    return bytes([number % 251]) * BLOCK_SIZE


async def commit_until_killed(directory: Path, session_id: str) -> None:
    """Write version n of a session with transcript n, run n and outbox item n, again and again."""
    async with Database.open(directory / "therapy.sqlite3") as database:
        sessions = SqliteSessions(database)
        try:
            number = (await sessions.load(PRACTICE, session_id)).version
        except NotFound:
            number = 0
        while True:
            session = a_session(id=session_id, version=number, transcript_number=number + 1)
            number += 1
            change = Change(
                session,
                a_version(number, f"Number {number}"),
                (a_run(id=f"run-{number}", session_id=session_id),),
                (an_item(f"item-{number}", session_id=session_id),),
            )
            await sessions.commit(PRACTICE, session_id, change)
            say(number)


async def count_up(directory: Path, name: str) -> None:
    """Change one shared session TIMES times, taking turns with whoever else does."""
    async with Database.open(directory / "therapy.sqlite3") as database:
        sessions = SqliteSessions(database)
        for number in range(TIMES):
            while True:
                try:
                    session = await sessions.load(PRACTICE, SHARED)
                except NotFound:
                    session = a_session(id=SHARED)
                title = f"{name} {number}"
                try:
                    change = Change(
                        replace(session, title=title), outbox=(an_item(title, session_id=SHARED),)
                    )
                    await sessions.commit(PRACTICE, SHARED, change)
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
