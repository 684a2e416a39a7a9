"""Reservations in SQLite."""

from sqlite3 import Connection

from therapy.adapters.local.sqlite.database import Database
from therapy.ports.reservations import Reservations


class SqliteReservations(Reservations):
    """Reservations of all practices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, practice_id: str, key: str, value: str) -> str:
        def write(connection: Connection) -> str:
            connection.execute(
                "INSERT INTO reservations (practice_id, key, value) VALUES (?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (practice_id, key, value),
            )
            (kept,) = connection.execute(
                "SELECT value FROM reservations WHERE practice_id = ? AND key = ?",
                (practice_id, key),
            ).fetchone()
            return str(kept)

        return await self._database.write(write)

    async def replace(self, practice_id: str, key: str, expected: str, value: str) -> bool:
        def write(connection: Connection) -> bool:
            written = connection.execute(
                "UPDATE reservations SET value = ? WHERE practice_id = ? AND key = ? AND value = ?",
                (value, practice_id, key, expected),
            )
            return written.rowcount == 1

        return await self._database.write(write)

    async def release(self, practice_id: str, key: str, expected: str) -> None:
        def write(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM reservations WHERE practice_id = ? AND key = ? AND value = ?",
                (practice_id, key, expected),
            )

        await self._database.write(write)
