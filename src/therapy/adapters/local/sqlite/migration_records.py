"""The migration from a table for each kind of record to one table of items, in one transaction.

The tables of the session index stay as they are. Rows are read and written one by one, so no table is ever
in memory as a whole.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection

from therapy.adapters import migration_records as old
from therapy.adapters.migration_records import NewItem
from therapy.domain import codec
from therapy.domain.errors import Unavailable
from therapy.domain.partition_keys import key
from therapy.domain.person_entry import PersonEntry, person_fields

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
    for table in TABLES:
        connection.execute(f"DROP TABLE {table}")  # a name of ours


def _items(connection: Connection) -> Iterator[NewItem]:
    """Yield the items of every table's rows.

    Raises:
        Unavailable: a row is damaged; says which, so that it can be looked at.
    """
    for table, (columns, made_of) in TABLES.items():
        rows = connection.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 - names of ours
        for rowid, *row in rows:
            try:
                yield from made_of(*row)
            except (Unavailable, ValueError, KeyError):  # the cause would quote what is stored
                raise Unavailable(reason="damaged_record", table=table, rowid=rowid) from None


def _session(practice_id: str, session_id: str, version: int, body: bytes) -> Iterator[NewItem]:
    yield old.session_item(practice_id, session_id, version, body)


def _run(
    practice_id: str, session_id: str, version: int, due_at: int | None, body: bytes
) -> Iterator[NewItem]:
    due = None if due_at is None else _moment(due_at)
    yield old.run_item(practice_id, session_id, version, due, body)


def _consequence(
    practice_id: str, session_id: str, position: int, due_at: int, body: bytes
) -> Iterator[NewItem]:
    yield old.outbox_item(practice_id, session_id, position, _moment(due_at), body)


def _upload(practice_id: str, upload_id: str, body: bytes) -> Iterator[NewItem]:
    yield old.upload_item(practice_id, upload_id, body)


def _unique_key(practice_id: str, taken: str, value: str) -> Iterator[NewItem]:
    yield old.unique_key_item(key(practice_id, taken), value)


TABLES: dict[str, tuple[str, Callable[..., Iterator[NewItem]]]] = {
    "sessions": ("rowid, practice_id, id, version, body", _session),
    "transcripts": ("rowid, practice_id, session_id, body", old.transcript_items),
    "runs": ("rowid, practice_id, session_id, version, due_at, body", _run),
    "outbox": ("rowid, practice_id, session_id, position, due_at, body", _consequence),
    "practices": ("rowid, id, body", old.practice_items),
    "people": ("rowid, practice_id, version, body", old.person_items),
    "logins": ("rowid, practice_id, version, body", old.login_items),
    "resets": ("rowid, practice_id, body", old.reset_items),
    "devices": ("rowid, practice_id, body", old.device_items),
    "uploads": ("rowid, practice_id, id, body", _upload),
    "reservations": ("0, practice_id, key, value", _unique_key),
}
"""The tables whose rows are items now: what is read of each, and what a row becomes.

The schema is STRICT, so that types are what it says.
"""


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
