"""What the search over people in SQLite adds to its promises: what stays in the file of who was removed."""

from pathlib import Path

from tests.builders import PATIENT, PRACTICE, a_person
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.people_index import SqlitePeopleIndex
from therapy.domain.person_entry import person_entry_of

SHOWN = ("Jordan", "jordan", "white1@", "203948571", "1990-05-17")


async def everything(database: Database) -> str:
    return await database.read(lambda connection: "\n".join(connection.iterdump()))


async def test_nothing_of_a_removed_person_is_kept_whoever_writes_late(tmp_path: Path) -> None:
    entry = person_entry_of(a_person())
    async with Database.open(tmp_path / "therapy.sqlite3", synchronous="OFF") as database:
        index = SqlitePeopleIndex(database)
        await index.put(PRACTICE, entry)
        stored = await everything(database)
        assert PATIENT in stored
        assert "jordan" in stored
        await index.remove(PRACTICE, PATIENT)
        await index.put(PRACTICE, entry)
        stored = await everything(database)
        assert PATIENT in stored
        assert not [each for each in SHOWN if each in stored]
