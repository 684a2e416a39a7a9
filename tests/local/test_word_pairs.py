"""The index of words that follow each other in SQLite: what it finds, programs of before, the migration."""

import sqlite3
from pathlib import Path

import pytest

from tests.builders import PRACTICE, THERAPIST, an_entry
from tests.local.test_text_parts import left, put_all
from therapy.adapters.local.sqlite import text_parts
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.adapters.local.sqlite.text_parts import FEW, FIRST, PAIRS, SESSIONS
from therapy.domain.session_entry import found

MANY = FIRST + 200


async def with_pairs(database: Database, form: str) -> int:
    """Return how many sessions may have words that follow each other."""

    def rows(connection: sqlite3.Connection) -> list[int] | None:
        owner = text_parts.known_number(connection, PRACTICE, THERAPIST)
        return text_parts.candidates(connection, PAIRS, owner, [form], 500)

    return len(await database.read(rows) or ())


@pytest.mark.slow
async def test_words_that_few_sessions_have_next_to_each_other_are_found_if_all_have_their_parts(
    database: Database,
) -> None:
    index = SqliteSessionIndex(database, together=1)
    titles = {3: "Max Lexington", 900: "x lex", 1_100: "a x lexx x", 1_150: "x le", 1_160: "Ex-lex"}
    titles |= {500: "lex lebed", 501: "x lex lebed", 502: "of a* [x lex?] b", 700: "ab cd"}
    everything = [
        an_entry(
            session_id=f"{at:04}",
            therapist_name="Alex Lebed",
            title=titles.get(at, "none"),
            summary="pelex xlex y le b ce x cd",
            words=("lexical",) if at == 41 else (),
        )
        for at in range(MANY)
    ]
    await put_all([index.put(PRACTICE, each) for each in everything])
    everything.sort(key=lambda each: each.sort_key, reverse=True)
    queries = (
        "x lex",
        "X  Lex",
        "x lexx x",
        "a x lex",
        "lex lebed",
        "x lex lebed",
        "x lebed",
        "x l",
    )
    for query in (*queries, "* [x l", "[x lex?] b", "lex l", "x, lex", "lex x", "ex lebed", "b cd"):
        wanted = [each.session_id for each in everything if found(each, query)]
        answer = await index.search(PRACTICE, THERAPIST, query, "", 500)
        assert [each.session_id for each in answer] == wanted[:500], query

    def may_have(connection: sqlite3.Connection) -> list[list[int] | None]:
        owner = text_parts.known_number(connection, PRACTICE, THERAPIST)
        every = [text_parts.candidates(connection, SESSIONS, owner, ["x lex"], FEW)]
        return [
            *every,
            text_parts.sessions_with_pairs(connection, owner, ["x lex", "x-lex"], FEW),
            text_parts.sessions_with_pairs(connection, owner, ["x lex", "lex"], FEW),
            text_parts.sessions_with_pairs(connection, owner, ["b cd"], FEW),
            text_parts.sessions_with_pairs(connection, owner, ["b cd", "b-cd"], FEW + 1),
        ]

    by_parts, by_pairs, one_word, cut, cut_later = await database.read(may_have)
    assert by_parts is None
    assert by_pairs is not None
    assert len(by_pairs) == 6
    assert one_word is cut is None
    assert cut_later == [701]


async def test_pairs_of_words_of_sessions_from_before_are_there_after_the_migration(
    path: Path,
) -> None:
    async with Database.open(path, synchronous="OFF") as database:
        await SqliteSessionIndex(database, together=1).put(
            PRACTICE, an_entry(title="Rosalind Lake")
        )
        names = (
            "SELECT type, name FROM sqlite_master WHERE tbl_name = 'rows' AND name LIKE '%pairs%'"
        )
        for kind, name in await database.read(lambda c: c.execute(names).fetchall()):
            await database.write(lambda c, drop=f"DROP {kind} {name}": c.execute(drop))
        for table in (PAIRS.parts, PAIRS.changed):
            await database.write(lambda c, drop=f"DROP TABLE {table}": c.execute(drop))
        await database.write(lambda c: c.execute("PRAGMA user_version = 4"))
    async with Database.open(path, synchronous="OFF") as database:
        assert await left(database) == [0, 0, 0]
        assert await with_pairs(database, "rosalind lake") == 1
        assert await with_pairs(database, "lake rosalind") == 0


async def test_a_program_that_knows_of_no_pairs_leaves_them_to_one_that_does(
    database: Database,
) -> None:
    index, entry = SqliteSessionIndex(database, together=1), an_entry(title="Rosalind Lake")
    await index.put(PRACTICE, entry)
    written = "UPDATE rows SET fields = 'stella hill' WHERE state = 'closed'"
    await database.write(lambda c: c.execute(written))
    await database.write(lambda c: text_parts.update(c, SESSIONS))
    assert await left(database) == [0, 0, 1]
    assert await with_pairs(database, "stella hill") == 1
    assert len(await index.search(PRACTICE, THERAPIST, "tella hil", "", 10)) == 1
    await index.put(PRACTICE, an_entry(session_id="another"))
    assert await left(database) == [0, 0, 0]
    assert await with_pairs(database, "stella hill") == 1
    assert await with_pairs(database, "rosalind lake") == 0
