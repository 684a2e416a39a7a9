"""People in SQLite; uniqueness is the indexes' business."""

from sqlite3 import Connection

from msgspec.structs import replace

from therapy.adapters.local.sqlite.database import Database
from therapy.domain import codec
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Stale
from therapy.domain.people import Person, Practice, Role, email_key
from therapy.domain.text_folding import fold
from therapy.ports.people import MOST_PEOPLE, People


class SqlitePeople(People):
    """Practices and accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_practice(self, practice_id: str, practice: Practice) -> None:
        body = codec.encode(practice)

        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO practices (id, body) VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                (practice_id, body),
            )

        await self._database.write(write)

    async def practice(self, practice_id: str) -> Practice:
        def read(connection: Connection) -> Practice:
            found = connection.execute(
                "SELECT body FROM practices WHERE id = ?", (practice_id,)
            ).fetchone()
            if found is None:
                raise NotFound(practice=practice_id)
            return codec.decode(Practice, found[0])

        return await self._database.read(read)

    async def practices(self) -> tuple[Practice, ...]:
        def read(connection: Connection) -> tuple[Practice, ...]:
            found = connection.execute("SELECT body FROM practices ORDER BY id")
            return tuple(codec.decode(Practice, body) for (body,) in found)

        return await self._database.read(read)

    async def add(self, practice_id: str, person: Person) -> Person:
        written = replace(person, version=1)
        body, key, name = codec.encode(written), email_key(person.email), fold(person.full_name)

        def write(connection: Connection) -> None:
            _check_free(connection, practice_id, person)
            connection.execute(
                "INSERT INTO people (practice_id, id, version, role, email_key, number, name,"
                " fields, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(practice_id, person.id, written.version, person.role.value, key),
                    *(person.number, name, _fields(person), body),
                ),
            )

        await self._database.write(write)
        return written

    async def save(self, practice_id: str, person: Person) -> Person:
        written = replace(person, version=person.version + 1)
        body = codec.encode(written)

        def write(connection: Connection) -> None:
            stored = connection.execute(
                "SELECT version, email_key, number FROM people WHERE practice_id = ? AND id = ?",
                (practice_id, person.id),
            ).fetchone()
            if stored is None or stored[0] != person.version:
                raise Stale(person=person.id)
            if stored[1] != email_key(person.email):
                raise InvalidInput("email")
            if stored[2] != person.number:
                raise InvalidInput("number")
            connection.execute(
                "UPDATE people SET version = ?, role = ?, name = ?, fields = ?, body = ? "
                "WHERE practice_id = ? AND id = ?",
                (
                    *(written.version, person.role.value, fold(person.full_name)),
                    *(_fields(person), body, practice_id, person.id),
                ),
            )

        await self._database.write(write)
        return written

    async def person(self, practice_id: str, person_id: str) -> Person:
        return await self._one("practice_id = ? AND id = ?", practice_id, person_id)

    async def by_number(self, practice_id: str, number: str) -> Person:
        return await self._one(
            "practice_id = ? AND number = ? AND number <> ''", practice_id, number
        )

    async def by_email(self, email: str) -> Person:
        return await self._one("email_key = ?", email_key(email))

    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[Person, ...]:
        name, _, last_id = after.rpartition("|")
        which, roles = ("role = ? AND ", (role.value,)) if role else ("", ())
        most = max(0, min(limit, MOST_PEOPLE))

        def read(connection: Connection) -> tuple[Person, ...]:
            found = connection.execute(
                f"SELECT body FROM people WHERE practice_id = ? AND {which}"  # noqa: S608 - one of two constants
                "(name, id) > (?, ?) AND instr(fields, ?) > 0 ORDER BY name, id LIMIT ?",
                (practice_id, *roles, name, last_id, fold(query), most),
            )
            return tuple(codec.decode(Person, body) for (body,) in found)

        return await self._database.read(read)

    async def _one(self, where: str, *values: str) -> Person:
        def read(connection: Connection) -> Person:
            found = connection.execute(
                f"SELECT body FROM people WHERE {where}",  # noqa: S608 - constants of this file
                values,
            ).fetchone()
            if found is None:
                raise NotFound
            return codec.decode(Person, found[0])

        return await self._database.read(read)


def _fields(person: Person) -> str:
    return "\n".join(fold(text) for text in (person.full_name, person.email, person.number))


def _check_free(connection: Connection, practice_id: str, person: Person) -> None:
    def taken(where: str, *values: str) -> bool:
        found = connection.execute(f"SELECT 1 FROM people WHERE {where}", values)  # noqa: S608 - constants
        return found.fetchone() is not None

    if taken("email_key = ?", email_key(person.email)):
        raise AlreadyExists("email_taken")
    if taken("practice_id = ? AND number = ? AND number <> ''", practice_id, person.number):
        raise AlreadyExists("number_taken")
    if taken("practice_id = ? AND id = ?", practice_id, person.id):
        raise AlreadyExists(person=person.id)
