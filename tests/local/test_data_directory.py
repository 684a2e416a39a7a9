"""The data directory of 148999e is whole, in both of its forms; its migration is tested elsewhere."""

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

from tests.local.data_directory import DATABASE, expected, session_id, unpacked


def rows_in(database: Path) -> dict[str, list[Any]]:
    """Every row of every table, the indexes of the full text left out."""
    connection = sqlite3.connect(database)
    try:
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert sound == "ok"
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        assert version == 1
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("row_words_", "sqlite_"))
        ]
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"))  # noqa: S608 - names of the schema
            for name in tables
        }
    finally:
        connection.close()


def test_every_table_of_the_old_schema_has_rows(tmp_path: Path) -> None:
    rows = rows_in(unpacked(tmp_path) / DATABASE)
    assert set(rows) == {
        *("sessions", "transcripts", "runs", "outbox", "rows", "therapists", "row_words"),
        *("practices", "people", "logins", "resets", "devices", "uploads", "reservations"),
    }
    assert [name for name, found in rows.items() if not found] == []
    stored = {row[1] for row in rows["sessions"]}
    assert stored == {each["session"]["id"] for each in expected()["sessions"].values()}


def test_the_unclosed_database_holds_the_same_but_only_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    closed = rows_in(unpacked(tmp_path / "closed") / DATABASE)
    unclosed = unpacked(tmp_path, closed=False)
    without_log = tmp_path / "without-log.sqlite3"
    without_log.write_bytes((unclosed / DATABASE).read_bytes())
    last = session_id("taken in: RunDue and RowChanged left")
    assert last in {row[1] for row in closed["sessions"]}
    assert last not in {row[1] for row in rows_in(without_log)["sessions"]}
    assert rows_in(unclosed / DATABASE) == closed


def test_every_recording_that_a_session_answers_with_is_there(tmp_path: Path) -> None:
    directory = unpacked(tmp_path)
    kept = {
        hashlib.sha256(each.read_bytes()).hexdigest()
        for each in (directory / "recordings" / "kept").rglob("*.audio")
    }
    answered = {each["sha256"] for each in expected()["answers"] if "sha256" in each}
    assert len(answered) > 20
    assert answered <= kept
