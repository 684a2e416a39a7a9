"""New texts of sessions are indexed in SQLite some at a time; until then they are found all the same."""

import sqlite3

from tests.builders import PRACTICE, THERAPIST, an_entry
from tests.local.test_text_parts import left, parts_in
from therapy.adapters.local.sqlite import text_parts
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.adapters.local.sqlite.text_parts import OF_SESSIONS, SESSIONS, TOGETHER, Having


async def test_changed_texts_of_sessions_are_indexed_together_and_found_until_then(
    database: Database,
) -> None:
    index = SqliteSessionIndex(database)
    for number in range(TOGETHER):
        assert await parts_in(database, SESSIONS.parts) == 0
        await index.put(PRACTICE, an_entry(session_id=f"{number:04}", title="Rosalind Lake"))
        answer = await index.search(PRACTICE, THERAPIST, "salind la", "", 500)
        assert len(answer) == number + 1
    assert await left(database) == [0, 0, 0]
    for each in OF_SESSIONS:
        assert await parts_in(database, each.parts) > 0


async def test_a_text_that_is_in_the_index_is_taken_out_as_soon_as_it_has_changed(
    database: Database,
) -> None:
    index = SqliteSessionIndex(database)
    for number in range(TOGETHER):
        await index.put(PRACTICE, an_entry(session_id=f"{number:04}", title="Rosalind Lake"))
    await index.put(PRACTICE, an_entry(session_id="0000", title="Stella Hill", sequence=9))
    assert await left(database) == [0, 0, 0]


async def test_what_waits_to_be_indexed_leaves_a_search_its_fast_condition(
    database: Database,
) -> None:
    index = SqliteSessionIndex(database)
    await index.put(PRACTICE, an_entry(title="Rosalind Lake"))

    def conditions(connection: sqlite3.Connection) -> list[Having]:
        owner = text_parts.known_number(connection, PRACTICE, THERAPIST)
        forms = ("salind", "stella", "ro")
        return [text_parts.having(connection, SESSIONS, owner, [each]) for each in forms]

    there, nowhere, short = await database.read(conditions)
    assert there == ("fields GLOB ?", ("*salind*",))
    assert nowhere == ("fields < ''", ())
    assert short == ("fields GLOB ?", ("*ro*",))
