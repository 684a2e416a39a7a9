"""The people index in SQLite: a search goes through a range of the index of names.

Texts are folded here, by the functions that `person_entry.person_found` uses, too, so that SQLite compares
plain characters and both always agree.
"""

from contextlib import closing
from itertools import islice
from sqlite3 import Connection

from therapy.adapters.local.sqlite.database import Database
from therapy.domain import codec
from therapy.domain.people import Role
from therapy.domain.person_entry import MOST_PEOPLE, PersonEntry, person_fields
from therapy.domain.text_folding import query_forms
from therapy.ports.people_index import PeopleIndex


class SqlitePeopleIndex(PeopleIndex):
    """Stores the entries of all practices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, practice_id: str, entry: PersonEntry) -> None:
        (name, _), fields = entry.sort_key, "\n".join(person_fields(entry))
        key, body = (practice_id, entry.id, entry.sequence), codec.encode(entry)

        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO person_entries (practice_id, id, sequence, role, name, fields, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (practice_id, id) DO UPDATE SET "
                "sequence = excluded.sequence, role = excluded.role, name = excluded.name,"
                " fields = excluded.fields, body = excluded.body "
                "WHERE sequence <= excluded.sequence AND removed = 0",
                (*key, entry.role.value, name, fields, body),
            )

        await self._database.write(write)

    async def remove(self, practice_id: str, person_id: str) -> None:
        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO person_entries (practice_id, id, sequence, removed) VALUES (?, ?, 0, 1) "
                "ON CONFLICT (practice_id, id) DO UPDATE SET "
                "sequence = 0, removed = 1, role = '', name = '', fields = '', body = x''",
                (practice_id, person_id),
            )

        await self._database.write(write)

    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[PersonEntry, ...]:
        name, _, last_id = after.rpartition("|")
        which, roles = ("role = ? AND ", (role.value,)) if role else ("", ())
        forms = query_forms(query) or ("",)
        parts = " OR ".join(["instr(fields, ?) > 0"] * len(forms))
        most = max(0, min(limit, MOST_PEOPLE))

        def read(connection: Connection) -> tuple[PersonEntry, ...]:
            # No LIMIT: entries that only a newer program can read are skipped and do not count.
            found = connection.execute(
                f"SELECT body FROM person_entries WHERE practice_id = ? AND {which}removed = 0 "  # noqa: S608 - constants
                f"AND (name, id) > (?, ?) AND ({parts}) ORDER BY name, id",
                (practice_id, *roles, name, last_id, *forms),
            )
            with closing(found):
                entries = (codec.decode_if_known(PersonEntry, body) for (body,) in found)
                return tuple(islice((each for each in entries if each is not None), most))

        return await self._database.search(read)
