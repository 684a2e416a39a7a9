"""The people index in SQLite: what few people have is found by its parts, the rest in the order of names.

Texts are folded here, by the functions that `person_entry.person_found` uses, too, so that SQLite compares
plain characters and both always agree.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from sqlite3 import Connection
from typing import Any, NamedTuple

from therapy.adapters.local.sqlite import text_parts
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.text_parts import PEOPLE
from therapy.domain import codec
from therapy.domain.people import Role
from therapy.domain.person_entry import MOST_PEOPLE, PersonEntry, person_fields
from therapy.domain.text_folding import query_forms
from therapy.ports.people_index import PeopleIndex

MERGING = 2
"""What `removed` is while parts of the removed texts may still be in the index of parts; then it is 1."""

Found = tuple[PersonEntry, ...]


class SqlitePeopleIndex(PeopleIndex):
    """Stores the entries of all practices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, practice_id: str, entry: PersonEntry) -> None:
        (name, _), fields = entry.sort_key, "\n".join(person_fields(entry))
        key, body = (practice_id, entry.id, entry.sequence), codec.encode(entry)

        def write(connection: Connection) -> None:
            written = connection.execute(
                "INSERT INTO person_entries (practice_id, id, sequence, role, name, fields, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (practice_id, id) DO UPDATE SET "
                "sequence = excluded.sequence, role = excluded.role, name = excluded.name,"
                " fields = excluded.fields, body = excluded.body "
                "WHERE sequence <= excluded.sequence AND removed = 0 RETURNING number",
                (*key, entry.role.value, name, fields, body),
            ).fetchone()
            if written is not None:
                text_parts.mend(connection, PEOPLE, written[0], fields, (practice_id, ""))
            text_parts.update(connection, PEOPLE)

        await self._database.write(write)

    async def remove(self, practice_id: str, person_id: str) -> None:
        key = practice_id, person_id

        def write(connection: Connection) -> bool:
            (removed,) = connection.execute(
                "INSERT INTO person_entries (practice_id, id, sequence, removed) VALUES (?, ?, 0, 1) "
                "ON CONFLICT (practice_id, id) DO UPDATE SET sequence = 0, removed = max(removed, 1),"
                " role = '', name = '', fields = '', body = x'' RETURNING removed",
                key,
            ).fetchone()
            if text_parts.update_all(connection, PEOPLE):
                removed = _mark_removed(connection, *key, MERGING)
            return bool(removed == MERGING)

        if await self._database.write(write):
            await self._database.merge(PEOPLE.parts)
            await self._database.write(lambda c: _mark_removed(c, *key, 1))

    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[PersonEntry, ...]:
        name, _, last_id = after.rpartition("|")
        most = max(0, min(limit, MOST_PEOPLE))
        which, roles = ("AND role = ? ", (role.value,)) if role else ("", ())
        wanted = _Wanted(practice_id, which, roles, (name, last_id), query_forms(query), most)
        return await self._database.search(partial(_search, wanted=wanted))


class _Wanted(NamedTuple):
    """What is searched: `roles` are the values of the condition `which`."""

    practice_id: str
    which: str
    roles: tuple[str, ...]
    after: tuple[str, str]
    forms: tuple[str, ...]
    most: int

    @property
    def where(self) -> str:
        """The condition of a person who may be found."""
        return f"practice_id = ? {self.which}AND removed = 0 AND (name, id) > (?, ?)"

    @property
    def values(self) -> tuple[str, ...]:
        """The values of that condition."""
        return (self.practice_id, *self.roles, *self.after)


def _search(connection: Connection, *, wanted: _Wanted) -> Found:
    if not wanted.forms:
        return _scanned(connection, wanted)
    owner = text_parts.known_number(connection, wanted.practice_id)
    return text_parts.search(
        wanted.forms,
        lambda most: text_parts.candidates(connection, PEOPLE, owner, wanted.forms, most),
        partial(_among, connection, wanted),
        partial(_first, connection, wanted),
        partial(_rest, connection, wanted),
        most=PEOPLE.most,
        many=PEOPLE.many,
    )


def _among(connection: Connection, wanted: _Wanted, numbers: Sequence[int]) -> Found:
    """Return those of these people who are found."""
    parts = " OR ".join(["instr(fields, ?) > 0"] * len(wanted.forms))
    found = connection.execute(
        "SELECT name, id, body FROM person_entries NOT INDEXED "  # noqa: S608 - constants
        f"WHERE number IN (SELECT value FROM json_each(?)) AND {wanted.where} AND ({parts})",
        (json.dumps(numbers), *wanted.values, *wanted.forms),
    )
    in_order = sorted(found, key=lambda row: row[:2])
    return _known((body for _, _, body in in_order), wanted.most)


def _first(connection: Connection, wanted: _Wanted) -> tuple[Found, bool]:
    """Return who is found among the FIRST people in the order of names, and if those are enough."""
    end = _end(connection, wanted, text_parts.FIRST)
    entries = _scanned(connection, wanted, "AND (name, id) <= (?, ?) " if end else "", end or ())
    return entries, end is None or len(entries) == wanted.most


def _rest(connection: Connection, wanted: _Wanted, before: int) -> Found:
    """Return who is found among all others, if so many were found before."""
    end = _end(connection, wanted, text_parts.FIRST)
    return _scanned(connection, wanted._replace(after=end, most=wanted.most - before))


def _scanned(
    connection: Connection, wanted: _Wanted, until: str = "", key: tuple[str, ...] = ()
) -> Found:
    """Return who is found in the order of names, up to the end of this part of the list."""
    owner = text_parts.known_number(connection, wanted.practice_id)
    having, forms = text_parts.having(connection, PEOPLE, owner, wanted.forms)
    name_index = "person_entries_scanned" if wanted.roles else "person_entries_name"
    # No LIMIT: entries that only a newer program can read are skipped and do not count.
    found = connection.execute(
        f"SELECT body FROM person_entries INDEXED BY {name_index} "  # noqa: S608 - constants
        f"WHERE {wanted.where} {until}"
        f"AND ({having or 1}) ORDER BY name, id",
        (*wanted.values, *key, *forms),
    )
    with closing(found):
        return _known((body for (body,) in found), wanted.most)


def _end(connection: Connection, wanted: _Wanted, rows: int) -> Any:
    """Return name and id of the person after so many; None if there are not as many."""
    index = "role" if wanted.roles else "name"
    return connection.execute(
        f"SELECT name, id FROM person_entries INDEXED BY person_entries_{index} "  # noqa: S608 - constants
        f"WHERE practice_id = ? {wanted.which}AND removed = 0 AND (name, id) > (?, ?) "
        "ORDER BY name, id LIMIT 1 OFFSET ?",
        (wanted.practice_id, *wanted.roles, *wanted.after, rows),
    ).fetchone()


def _known(bodies: Iterable[bytes], most: int) -> Found:
    """Return the first entries that this program can read."""
    entries = (codec.decode_if_known(PersonEntry, body) for body in bodies)
    return tuple(islice((each for each in entries if each is not None), most))


def _mark_removed(connection: Connection, practice_id: str, person_id: str, removed: int) -> int:
    connection.execute(
        "UPDATE person_entries SET removed = ? WHERE practice_id = ? AND id = ?",
        (removed, practice_id, person_id),
    )
    return removed
