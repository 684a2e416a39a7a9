"""The step from a table for each kind of record to one table of items, inside one transaction.

The tables of the session index stay as they are. Rows are read and written one by one: no table is ever
whole in memory.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from typing import Any

from therapy.adapters import first_layout as old
from therapy.adapters.first_layout import NewItem
from therapy.domain import codec
from therapy.domain.partition_keys import key
from therapy.domain.person_entry import PersonEntry, person_fields

REPLACED = (
    "sessions",
    "transcripts",
    "runs",
    "outbox",
    "practices",
    "people",
    "logins",
    "resets",
    "devices",
    "uploads",
    "reservations",
)
"""The tables whose rows are items now."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def convert(connection: Connection) -> None:
    """Copy every record of the first layout into the one table, then drop the old tables."""
    for item in _items(connection):
        connection.execute(
            "INSERT INTO items (partition, id, version, kind, queue, due_at, expires_at, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(item.partition, item.id, item.version, item.kind, item.queue),
                *(_micros(item.due_at), _micros(item.expires_at), item.body),
            ),
        )
    people = connection.execute("SELECT practice_id, version, body FROM people")
    for practice_id, version, body in people:
        _write_entry(connection, practice_id, old.person_entry(version, body))
    for table in REPLACED:
        connection.execute(f"DROP TABLE {table}")  # a name of ours


def _items(connection: Connection) -> Iterator[NewItem]:
    rows = _Rows(connection)
    yield from _session_items(rows)
    for row in rows.read("id, body", "practices"):
        yield from old.practice_items(*row)
    for row in rows.read("practice_id, version, body", "people"):
        yield from old.person_items(*row)
    for row in rows.read("practice_id, version, body", "logins"):
        yield from old.login_items(*row)
    for row in rows.read("practice_id, body", "resets"):
        yield from old.reset_items(*row)
    for row in rows.read("practice_id, body", "devices"):
        yield from old.device_items(*row)
    for row in rows.read("practice_id, id, body", "uploads"):
        yield old.upload_item(*row)
    for practice_id, taken, value in rows.read("practice_id, key, value", "reservations"):
        yield old.unique_key_item(key(practice_id, taken), value)


def _session_items(rows: "_Rows") -> Iterator[NewItem]:
    for row in rows.read("practice_id, id, version, body", "sessions"):
        yield old.session_item(*row)
    for row in rows.read("practice_id, session_id, body", "transcripts"):
        yield from old.transcript_items(*row)
    for practice_id, session_id, version, due_at, body in rows.read(
        "practice_id, session_id, version, due_at, body", "runs"
    ):
        due = None if due_at is None else _moment(due_at)
        yield old.run_item(practice_id, session_id, version, due, body)
    for practice_id, session_id, position, due_at, body in rows.read(
        "practice_id, session_id, position, due_at, body", "outbox"
    ):
        yield old.outbox_item(practice_id, session_id, position, _moment(due_at), body)


class _Rows:
    """Reads columns of a table, row by row."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, columns: str, table: str) -> Iterable[Any]:
        """Return the rows of a table; the schema is STRICT, so that types are what it says."""
        return self._connection.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 - names of ours


def _write_entry(connection: Connection, practice_id: str, entry: PersonEntry) -> None:
    name, _ = entry.sort_key
    connection.execute(
        "INSERT INTO person_entries (practice_id, id, sequence, role, name, fields, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(practice_id, entry.id, entry.sequence, entry.role.value, name),
            *("\n".join(person_fields(entry)), codec.encode(entry)),
        ),
    )


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)
