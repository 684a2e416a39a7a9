"""Devices in SQLite; the push token is the key, over all practices."""

from sqlite3 import Connection

from msgspec.structs import replace

from therapy.adapters.local.sqlite.database import Database, micros
from therapy.domain import codec
from therapy.domain.people import Device
from therapy.ports.devices import Devices


class SqliteDevices(Devices):
    """Devices of all people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, practice_id: str, device: Device) -> None:
        body = codec.encode(replace(device, practice_id=practice_id))
        registered_at = micros(device.registered_at)

        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO devices (token, practice_id, person_id, registered_at, body)"
                " VALUES (?, ?, ?, ?, ?)",
                (device.token, practice_id, device.person_id, registered_at, body),
            )

        await self._database.write(write)

    async def of_person(self, practice_id: str, person_id: str) -> tuple[Device, ...]:
        def read(connection: Connection) -> tuple[Device, ...]:
            found = connection.execute(
                "SELECT body FROM devices WHERE practice_id = ? AND person_id = ? "
                "ORDER BY registered_at, token",
                (practice_id, person_id),
            )
            return tuple(codec.decode(Device, body) for (body,) in found)

        return await self._database.read(read)

    async def remove(self, practice_id: str, token: str) -> None:
        def write(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM devices WHERE token = ? AND practice_id = ?", (token, practice_id)
            )

        await self._database.write(write)
