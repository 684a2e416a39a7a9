"""Runs in SQLite, found through an index of those that can become due."""

from datetime import datetime
from sqlite3 import Connection

from msgspec.structs import replace

from therapy.adapters.local.sqlite.database import Database, micros
from therapy.domain import codec
from therapy.domain.errors import LeaseLost
from therapy.domain.run import Run, RunRef
from therapy.ports.runs import Runs


class SqliteRuns(Runs):
    """Runs of all sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_session(self, practice_id: str, session_id: str) -> tuple[Run, ...]:
        def read(connection: Connection) -> tuple[Run, ...]:
            stored = connection.execute(
                "SELECT body FROM runs WHERE practice_id = ? AND session_id = ? "
                "ORDER BY created_at, id",
                (practice_id, session_id),
            )
            return tuple(codec.decode(Run, body) for (body,) in stored)

        return await self._database.read(read)

    async def save(self, practice_id: str, run: Run) -> Run:
        saved = replace(run, version=run.version + 1)
        body = codec.encode(saved)
        due_at = None if run.over else micros(run.due_at)

        def write(connection: Connection) -> int:
            return connection.execute(
                "UPDATE runs SET version = ?, due_at = ?, body = ? "
                "WHERE practice_id = ? AND session_id = ? AND id = ? AND version = ?",
                (saved.version, due_at, body, practice_id, run.session_id, run.id, run.version),
            ).rowcount

        if await self._database.write(write) != 1:
            raise LeaseLost(run=run.id)
        return saved

    async def due(self, now: datetime, limit: int) -> tuple[RunRef, ...]:
        def read(connection: Connection) -> tuple[RunRef, ...]:
            found = connection.execute(
                "SELECT practice_id, session_id, id FROM runs "
                "WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?",
                (micros(now), max(0, limit)),
            )
            return tuple(RunRef(*ref) for ref in found)

        return await self._database.read(read)
