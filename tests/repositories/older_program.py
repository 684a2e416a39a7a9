"""A program over items that another one wrote: sweeps, works on sessions, and says what it sees of them.

`python -m tests.repositories.older_program <what it is told, as JSON>`; which `therapy` that is depends on
the path that it is started with.
"""

import asyncio
import dataclasses
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import therapy
from tests.repositories.changes import headers_of
from therapy.domain.errors import Unavailable
from therapy.domain.transcript import Utterance
from therapy.repositories.practices import practice_partition
from therapy.repositories.records import Records
from therapy.testing.clock import Clock
from therapy.testing.memory import memory_ports
from therapy.wiring.stores import Stores, cosmos_stores, sqlite_stores
from therapy.workflows.installation import install

WAV = b"RIFF".ljust(44, b"\x00") + b"\x10\x00" * 16_000
SAID = (Utterance(0, 900, "I slept better.", voice="1"),)


@asynccontextmanager
async def opened(address: Mapping[str, str], clock: Clock) -> AsyncIterator[Stores]:
    if "path" in address:
        from therapy.adapters.local.sqlite.database import Database

        async with Database.open(Path(address["path"]), synchronous="OFF") as database:
            yield sqlite_stores(database, clock)
    else:
        from therapy.adapters.azure.cosmos.client import open_cosmos

        async with open_cosmos(address["uri"], address["key"], address["database"]) as cosmos:
            yield cosmos_stores(cosmos, clock)


async def work(told: Mapping[str, Any]) -> None:
    """Do what a worker does that is rung for each session, twice; then say what is to be seen."""
    clock, practice_id = Clock(datetime.fromisoformat(told["now"])), told["practice"]
    async with opened(told["address"], clock) as stores:
        ports = dataclasses.replace(
            memory_ports(said=SAID, clock=clock),
            store=stores.store,
            session_index=stores.session_index,
            people_index=stores.people_index,
        )
        await ports.recordings.stage(practice_id, "upload", 0, WAV)
        await ports.recordings.keep(practice_id, "upload", 1, told["recording"])
        installed = install(ports)
        for _ in range(2):
            await installed.sweep.once()
            for session_id in told["sessions"]:
                await installed.worker.work_on(practice_id, session_id)
        seen = {
            each: await seen_of(installed.records, practice_id, each) for each in told["sessions"]
        }
        pending = await installed.records.outbox.pending(practice_partition(practice_id))
    print(json.dumps({"therapy": therapy.__file__, "pending": len(pending), "sessions": seen}))


async def seen_of(records: Records, practice_id: str, session_id: str) -> dict[str, Any]:
    session = await records.sessions.load(practice_id, session_id)
    headers = await headers_of(records, practice_id, session_id)
    try:
        await records.transcripts.load(practice_id, session_id, session.transcript_number)
        text = "readable"
    except Unavailable as exc:
        text = str(exc.details["reason"])
    runs = await records.runs.of_session(practice_id, session_id)
    return {
        "state": session.state.value,
        "runs": [run.kind.value for run in runs],
        "versions": [header.number for header in headers],
        "text": text,
    }


if __name__ == "__main__":
    asyncio.run(work(json.loads(sys.argv[1])))
