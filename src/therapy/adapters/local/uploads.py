"""Uploads in SQLite, found by when they expire."""

from datetime import datetime
from sqlite3 import Connection

from therapy.adapters.local.sqlite.database import Database, micros
from therapy.domain import codec
from therapy.domain.errors import NotFound
from therapy.domain.upload import Upload
from therapy.ports.uploads import Uploads


class SqliteUploads(Uploads):
    """Uploads of all practices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, practice_id: str, upload: Upload) -> None:
        body, expires_at = codec.encode(upload), micros(upload.expires_at)

        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO uploads (practice_id, id, expires_at, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (practice_id, id) "
                "DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body",
                (practice_id, upload.id, expires_at, body),
            )

        await self._database.write(write)

    async def get(self, practice_id: str, upload_id: str) -> Upload:
        def read(connection: Connection) -> Upload:
            found = connection.execute(
                "SELECT body FROM uploads WHERE practice_id = ? AND id = ?",
                (practice_id, upload_id),
            ).fetchone()
            if found is None:
                raise NotFound(upload=upload_id)
            return codec.decode(Upload, found[0])

        return await self._database.read(read)

    async def remove(self, practice_id: str, upload_id: str) -> None:
        def write(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM uploads WHERE practice_id = ? AND id = ?", (practice_id, upload_id)
            )

        await self._database.write(write)

    async def expired(self, now: datetime, limit: int) -> tuple[Upload, ...]:
        def read(connection: Connection) -> tuple[Upload, ...]:
            found = connection.execute(
                "SELECT body FROM uploads WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
                (micros(now), max(0, limit)),
            )
            return tuple(codec.decode(Upload, body) for (body,) in found)

        return await self._database.read(read)
