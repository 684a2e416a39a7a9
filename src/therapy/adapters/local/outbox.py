"""Outbox in SQLite; `SqliteSessions.commit` writes it."""

from datetime import datetime
from sqlite3 import Connection

from therapy.adapters.local.sqlite.database import Database, micros
from therapy.domain import codec
from therapy.domain.outbox import OutboxItem, SessionRef
from therapy.ports.outbox import Outbox


class SqliteOutbox(Outbox):
    """Items of all sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self, practice_id: str, session_id: str) -> tuple[OutboxItem, ...]:
        def read(connection: Connection) -> tuple[OutboxItem, ...]:
            stored = connection.execute(
                "SELECT body FROM outbox WHERE practice_id = ? AND session_id = ? ORDER BY position",
                (practice_id, session_id),
            )
            return tuple(codec.decode(OutboxItem, body) for (body,) in stored)

        return await self._database.read(read)

    async def update(self, practice_id: str, item: OutboxItem) -> None:
        body, due_at = codec.encode(item), micros(item.due_at)

        def write(connection: Connection) -> None:
            connection.execute(
                "UPDATE outbox SET due_at = ?, body = ? "
                "WHERE practice_id = ? AND session_id = ? AND id = ?",
                (due_at, body, practice_id, item.session_id, item.id),
            )

        await self._database.write(write)

    async def done(self, practice_id: str, session_id: str, item_id: str) -> None:
        def write(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM outbox WHERE practice_id = ? AND session_id = ? AND id = ?",
                (practice_id, session_id, item_id),
            )

        await self._database.write(write)

    async def overdue(self, now: datetime, limit: int) -> tuple[SessionRef, ...]:
        def read(connection: Connection) -> tuple[SessionRef, ...]:
            found = connection.execute(
                "SELECT practice_id, session_id FROM outbox WHERE due_at <= ? ORDER BY due_at",
                (micros(now),),
            )
            refs: dict[SessionRef, None] = {}
            for ref in found:  # read only until there are enough
                if len(refs) >= limit:
                    break
                refs[SessionRef(*ref)] = None
            return tuple(refs)

        return await self._database.read(read)
