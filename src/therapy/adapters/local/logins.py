"""Logins in SQLite."""

from datetime import datetime
from sqlite3 import Connection

from msgspec.structs import replace

from therapy.adapters.local.sqlite.database import Database, micros
from therapy.domain import codec
from therapy.domain.errors import NotFound, Stale
from therapy.domain.people import Login, Reset
from therapy.ports.logins import Logins


class SqliteLogins(Logins):
    """Logins and reset tokens of all practices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, practice_id: str, login: Login) -> Login:
        written = replace(login, version=1)
        values = (
            login.person_id,
            login.refresh_hash,
            login.previous_hash,
            1,
            codec.encode(written),
        )

        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO logins (practice_id, sid, person_id, refresh_hash,"
                " previous_hash, version, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (practice_id, login.sid, *values),
            )

        await self._database.write(write)
        return written

    async def by_refresh(self, refresh_hash: str) -> Login:
        def read(connection: Connection) -> Login:
            found = connection.execute(
                "SELECT body FROM logins WHERE :hash <> '' AND refresh_hash = :hash UNION ALL "
                "SELECT body FROM logins WHERE previous_hash <> '' AND previous_hash = :hash LIMIT 1",
                {"hash": refresh_hash},
            ).fetchone()
            if found is None:
                raise NotFound
            return codec.decode(Login, found[0])

        return await self._database.read(read)

    async def rotate(self, practice_id: str, login: Login) -> Login:
        written = replace(login, version=login.version + 1)
        values = (login.refresh_hash, login.previous_hash, written.version, codec.encode(written))

        def write(connection: Connection) -> int:
            return connection.execute(
                "UPDATE logins SET refresh_hash = ?, previous_hash = ?, version = ?, body = ? "
                "WHERE practice_id = ? AND sid = ? AND version = ?",
                (*values, practice_id, login.sid, login.version),
            ).rowcount

        if await self._database.write(write) != 1:
            raise Stale(login=login.sid)
        return written

    async def end(self, practice_id: str, sid: str) -> None:
        def write(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM logins WHERE practice_id = ? AND sid = ?", (practice_id, sid)
            )

        await self._database.write(write)

    async def end_all(self, practice_id: str, person_id: str) -> None:
        def write(connection: Connection) -> None:
            whose = practice_id, person_id
            connection.execute("DELETE FROM logins WHERE practice_id = ? AND person_id = ?", whose)
            connection.execute("DELETE FROM resets WHERE practice_id = ? AND person_id = ?", whose)

        await self._database.write(write)

    async def add_reset(self, practice_id: str, reset: Reset) -> None:
        body = codec.encode(replace(reset, practice_id=practice_id))
        expires_at = micros(reset.expires_at)

        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO resets (token_hash, practice_id, person_id, expires_at, body)"
                " VALUES (?, ?, ?, ?, ?)",
                (reset.token_hash, practice_id, reset.person_id, expires_at, body),
            )

        await self._database.write(write)

    async def reset(self, token_hash: str, now: datetime) -> Reset:
        def read(connection: Connection) -> Reset:
            return _reset(
                connection,
                "SELECT body FROM resets WHERE token_hash = ? AND expires_at > ?",
                token_hash,
                now,
            )

        return await self._database.read(read)

    async def use_reset(self, token_hash: str, now: datetime) -> Reset:
        def write(connection: Connection) -> Reset:
            return _reset(
                connection,
                "DELETE FROM resets WHERE token_hash = ? AND expires_at > ? RETURNING body",
                token_hash,
                now,
            )

        return await self._database.write(write)


def _reset(connection: Connection, statement: str, token_hash: str, now: datetime) -> Reset:
    found = connection.execute(statement, (token_hash, micros(now))).fetchall()
    if not found:
        raise NotFound
    return codec.decode(Reset, found[0][0])
