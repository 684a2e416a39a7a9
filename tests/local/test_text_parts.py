"""The indexes of parts of texts in SQLite: large practices, programs of before, removals, and mending."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders import NOW, PATIENT, PRACTICE, THERAPIST, an_entry
from tests.file_search import files_with
from therapy.adapters.local.sqlite import text_parts
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.migration import known_steps, migrate
from therapy.adapters.local.sqlite.people_index import SqlitePeopleIndex
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.adapters.local.sqlite.text_parts import (
    FEW,
    FIRST,
    OF_SESSIONS,
    PEOPLE,
    SESSIONS,
)
from therapy.domain import codec
from therapy.domain.people import Role
from therapy.domain.person_entry import PersonEntry, person_fields, person_found
from therapy.domain.session_entry import found
from therapy.testing.person_entries import a_patient, a_therapist

MANY = FIRST + 200
MOST = 3_000
RARE = 1_111
"""The number of the one person whose name has this word in it."""

QUERIES = (
    "xylo",
    "X",
    "xy",
    "example",
    "ann",
    "late",
    "t",
    "lat",
    "no such",
    "7",
    "77",
    "ann 11",
    "é",
    "שלום",
)


def name_of(number: int) -> str:
    """Return a name: most begin with Ann, the last ones of the list with Zoe; one is found by xylo."""
    if number == RARE:
        return "Xylo שָׁלוֹם"
    return f"Zoe Later {number}" if number > FIRST - 200 else f"Ann {number}"


def people() -> list[PersonEntry]:
    return [
        a_patient(
            id=f"id-{at:04}", full_name=name_of(at), email=f"{at}@example.health", number=f"{at:09}"
        )
        for at in range(MANY)
    ]


async def put_all(calls: Sequence[Awaitable[None]]) -> None:
    await asyncio.gather(*calls)


async def ids(index: SqlitePeopleIndex, query: str, after: str = "", limit: int = 500) -> list[str]:
    entries = await index.search(PRACTICE, Role.PATIENT, query, after, limit)
    return [each.id for each in entries]


@pytest.mark.slow
async def test_among_many_people_a_search_agrees_with_the_domain(database: Database) -> None:
    index, everyone = SqlitePeopleIndex(database), people()
    await put_all([index.put(PRACTICE, each) for each in everyone])
    everyone.sort(key=lambda each: each.sort_key)
    for query in QUERIES:
        wanted = [each.id for each in everyone if person_found(each, query)]
        assert await ids(index, query) == wanted[:500], query
        if len(wanted) > 3:
            third = next(each for each in everyone if each.id == wanted[2])
            after = "|".join(third.sort_key)
            assert await ids(index, query, after, 3) == wanted[3:6], query


@pytest.mark.slow
async def test_among_many_sessions_a_search_agrees_with_the_domain(database: Database) -> None:
    index = SqliteSessionIndex(database)
    everything = [
        an_entry(
            session_id=f"{at:04}", patient_name=name_of(at), words=("calm", *["seldom"][: at == 7])
        )
        for at in range(MANY)
    ]
    await put_all([index.put(PRACTICE, each) for each in everything])
    everything.sort(key=lambda each: each.sort_key, reverse=True)
    for query in (*QUERIES, "calm", "seldom", "ca", "203948571"):
        wanted = [each for each in everything if found(each, query)]
        answer = await index.search(PRACTICE, THERAPIST, query, "", 500)
        assert [each.session_id for each in answer] == [each.session_id for each in wanted[:500]], (
            query
        )
        if len(wanted) > 3:
            answer = await index.search(PRACTICE, THERAPIST, query, wanted[2].sort_key, 3)
            assert [each.session_id for each in answer] == [each.session_id for each in wanted[3:6]]


# --- which way a search goes ---------------------------------------------------------------------


def way(forms: list[str], having: int, first: int) -> list[str]:
    """Return what a search of 200 does if so many rows may have it, and the first ones have so many."""
    done: list[str] = []

    def may_contain(most: int) -> int | None:
        done.append(f"up to {most}")
        return having if having <= most else None

    def among(rows: int) -> tuple[str, ...]:
        done.append(f"among {rows}")
        return ()

    def first_rows() -> tuple[tuple[str, ...], bool]:
        done.append("the first")
        return ("",) * first, first >= 200

    def rest(before: int) -> tuple[str, ...]:
        done.append(f"the rest, after {before}")
        return ()

    text_parts.search(forms, may_contain, among, first_rows, rest, most=MOST, many=100)
    return done


@pytest.mark.parametrize(
    ("forms", "having", "first", "done"),
    [
        (["abc"], 0, 0, [f"up to {FEW}", "among 0"]),
        (["abc", "abd"], FEW, 200, [f"up to {FEW}", f"among {FEW}"]),
        (["abc"], FEW + 1, 200, [f"up to {FEW}", "the first"]),
        (["abc"], MOST, 9, [f"up to {FEW}", "the first", f"up to {MOST}", f"among {MOST}"]),
        (["abc"], 9_999, 9, [f"up to {FEW}", "the first", f"up to {MOST}", "the rest, after 9"]),
        (["abc"], MOST, 100, [f"up to {FEW}", "the first", "the rest, after 100"]),
        (["ab"], 0, 200, ["the first"]),
        (["abc", "a"], 0, 0, ["the first", f"up to {MOST}", "among 0"]),
    ],
)
def test_a_search_goes_through_the_list_only_if_many_rows_may_have_the_query(
    forms: list[str], having: int, first: int, done: list[str]
) -> None:
    assert way(forms, having, first) == done


@pytest.mark.parametrize("text", ["a*b", "a?b", "a[b", "a]b", "a[b]b", "a\0b", "ab"])
async def test_signs_that_sqlite_has_another_use_for_are_looked_for_like_letters(
    database: Database, text: str
) -> None:
    people, sessions = SqlitePeopleIndex(database), SqliteSessionIndex(database)
    person, session = a_patient(full_name=f"{text} zq"), an_entry(title=f"{text} zq")
    await people.put(PRACTICE, person)
    await sessions.put(PRACTICE, session)
    for query in (text, "*b", "?b", "[b", "b]", "]b", "\0b", "b", "zq", "q*", "b?", "[", "*"):
        wanted = [PATIENT] if person_found(person, query) else []
        assert await ids(people, query) == wanted, query
        answer = await sessions.search(PRACTICE, THERAPIST, query, "", 10)
        assert answer == ((session,) if found(session, query) else ()), query


@pytest.mark.slow
async def test_the_rest_of_the_list_follows_the_first_rows_without_a_row_twice(
    database: Database,
) -> None:
    people, sessions = SqlitePeopleIndex(database), SqliteSessionIndex(database)
    numbers = range(FIRST + 150)
    entries = [
        an_entry(
            session_id=f"{at:04}",
            title=f"{'xy' * (at % 7 == 0)}{at}",
            words=("xyz",) * (at % 9 == 0),
        )
        for at in numbers
    ]
    persons = [a_patient(id=f"{at:04}", full_name=entry.title) for at, entry in enumerate(entries)]
    await put_all([sessions.put(PRACTICE, each) for each in entries])
    await put_all([people.put(PRACTICE, each) for each in persons])
    for limit in (30, 100, 144, 150, 240, 500):
        some = await sessions.search(PRACTICE, THERAPIST, "xy", "", limit)
        wanted = sorted((each.sort_key for each in entries if found(each, "xy")), reverse=True)
        assert [each.sort_key for each in some] == wanted[:limit]
        keys = sorted(each.sort_key for each in persons if person_found(each, "xy"))
        assert await ids(people, "xy", limit=limit) == [key[1] for key in keys[:limit]]


async def test_a_condition_that_no_row_meets_can_be_looked_up_in_the_index_of_texts(
    database: Database,
) -> None:
    index = SqliteSessionIndex(database)
    await index.put(PRACTICE, an_entry())

    def matching(connection: sqlite3.Connection, form: str) -> list[object]:
        owner = text_parts.known_number(connection, PRACTICE, THERAPIST)
        condition, values = text_parts.having(connection, SESSIONS, owner, [form])
        return connection.execute(
            "SELECT number FROM rows INDEXED BY rows_scanned "  # noqa: S608 - our condition
            f"WHERE practice_id = ? AND therapist_id = ? AND state = 'closed' AND ({condition})",
            (PRACTICE, THERAPIST, *values),
        ).fetchall()

    assert await database.read(lambda connection: len(matching(connection, "jordan"))) == 1
    assert await database.read(lambda connection: matching(connection, "no such")) == []


# --- programs of before --------------------------------------------------------------------------

INSERT = (
    "INSERT INTO person_entries (practice_id, id, sequence, role, name, fields, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (practice_id, id) DO UPDATE SET "
    "sequence = excluded.sequence, fields = excluded.fields, name = excluded.name, body = excluded.body"
)


async def write_as_before(database: Database, entry: PersonEntry) -> None:
    """Write an entry with a statement that knows of no parts."""
    fields, (name, _) = "\n".join(person_fields(entry)), entry.sort_key
    key = (entry.practice_id, entry.id, entry.sequence, entry.role.value)
    values = (*key, name, fields, codec.encode(entry))
    await database.write(lambda c: c.execute(INSERT, values))


async def left(database: Database) -> list[int]:
    """Return how many texts' parts are not up to date."""
    tables = [index.changed for index in (PEOPLE, *OF_SESSIONS)]
    count = "SELECT count(*) FROM {}"
    return await database.read(lambda c: [c.execute(count.format(t)).fetchone()[0] for t in tables])


async def test_what_a_program_of_before_writes_is_found_at_once_and_becomes_part_of_the_index(
    database: Database,
) -> None:
    index = SqlitePeopleIndex(database)
    await write_as_before(database, a_patient(full_name="Quentin"))
    assert await ids(index, "quentin") == [PATIENT]
    await write_as_before(database, a_patient(full_name="Rosalind", sequence=2))
    assert await ids(index, "quentin") == []
    assert await ids(index, "rosalind") == [PATIENT]
    assert await left(database) == [1, 0, 0]
    await index.put(PRACTICE, a_patient(id="another"))
    assert await left(database) == [0, 0, 0]
    await write_as_before(database, a_patient(full_name="Stella", sequence=3))
    await index.put(PRACTICE, a_patient(id="another", sequence=2))
    assert await ids(index, "rosalind") == []
    assert await ids(index, "stella") == [PATIENT]


async def test_what_was_there_before_the_index_is_in_it_after_the_migration(path: Path) -> None:
    entry, session = a_patient(full_name="Quentin"), an_entry(title="Rosalind")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path, known_steps()[:2])
        values = (PRACTICE, PATIENT, 1, "PATIENT", "quentin", "quentin", codec.encode(entry))
        connection.execute(INSERT, values)
        connection.execute(
            "INSERT INTO rows (practice_id, session_id, therapist_id, patient_person_id, state,"
            " sort_key, sequence, fields, body) VALUES (?, ?, ?, '', 'closed', ?, 1, 'rosalind', ?)",
            (PRACTICE, session.session_id, THERAPIST, session.sort_key, codec.encode(session)),
        )
    async with Database.open(path, synchronous="OFF") as database:
        assert await left(database) == [0, 0, 0]
        assert await ids(SqlitePeopleIndex(database), "uent") == [PATIENT]
        sessions = SqliteSessionIndex(database)
        answer = await sessions.search(PRACTICE, THERAPIST, "osali", "", 10)
        assert answer == (session,)


# --- removals ------------------------------------------------------------------------------------


async def parts_in(database: Database, table: str) -> int:
    """Return how many bytes of parts an index has, besides the 22 or so of its own."""
    size = f"SELECT sum(length(block)) FROM {table}_data WHERE id > 10"  # noqa: S608 - names of ours
    return await database.read(lambda c: c.execute(size).fetchone()[0] or 0)


async def test_of_a_removed_person_no_part_is_left_in_any_file(
    database: Database, path: Path
) -> None:
    index = SqlitePeopleIndex(database)
    await index.put(PRACTICE, a_patient(full_name="Zwqxvjk"))
    assert await parts_in(database, PEOPLE.parts) > 0
    await index.remove(PRACTICE, PATIENT)
    await database.wipe(NOW)
    assert await parts_in(database, PEOPLE.parts) == 0
    assert files_with(path.parent, ["Zwqxvjk", b"wqx", b"zwq".hex().encode()]) == {}


async def test_of_a_removed_session_no_part_is_left_in_any_file(
    database: Database, path: Path
) -> None:
    index = SqliteSessionIndex(database, together=1)
    await index.put(PRACTICE, an_entry(summary="Zwqxvjk vkwz"))
    for each in OF_SESSIONS:
        assert await parts_in(database, each.parts) > 0
    await index.remove(PRACTICE, an_entry().session_id)
    await database.wipe(NOW)
    for each in OF_SESSIONS:
        assert await parts_in(database, each.parts) == 0
    texts = ["Zwqxvjk", b"wqx", b"zwq".hex().encode(), b"k vkw".hex().encode()]
    assert files_with(path.parent, texts) == {}


async def test_a_removal_that_died_before_the_parts_were_gone_is_finished_when_it_is_repeated(
    database: Database,
) -> None:
    index = SqlitePeopleIndex(database)
    await index.put(PRACTICE, a_patient())
    removing = asyncio.create_task(index.remove(PRACTICE, PATIENT))
    await asyncio.sleep(0)  # its first transaction is on the way to the thread that writes
    removing.cancel()
    await database.write(lambda _: None)  # and done
    assert await parts_in(database, PEOPLE.parts) > 0
    await index.remove(PRACTICE, PATIENT)
    assert await parts_in(database, PEOPLE.parts) == 0


# --- mending -------------------------------------------------------------------------------------


async def test_an_entry_that_is_written_again_mends_an_index_that_lost_its_parts(
    database: Database,
) -> None:
    people, sessions = SqlitePeopleIndex(database), SqliteSessionIndex(database, together=1)
    await people.put(PRACTICE, a_patient(full_name="Quentin"))
    await sessions.put(PRACTICE, an_entry(title="Rosalind Lake"))
    for index in (PEOPLE, *OF_SESSIONS):
        lost = f"INSERT INTO {index.parts} ({index.parts}) VALUES ('delete-all')"  # noqa: S608 - names of ours
        await database.write(lambda c, lost=lost: c.execute(lost))
    assert await ids(people, "quentin") == []
    await people.put(PRACTICE, a_patient(full_name="Quentin"))
    await sessions.put(PRACTICE, an_entry(title="Rosalind Lake"))
    assert await ids(people, "quentin") == [PATIENT]
    for index in (PEOPLE, *OF_SESSIONS):
        assert await parts_in(database, index.parts) > 0
    assert len(await sessions.search(PRACTICE, THERAPIST, "rosalind", "", 10)) == 1


async def test_an_entry_that_is_written_again_leaves_an_index_that_has_its_parts_as_it_is(
    database: Database,
) -> None:
    people, sessions = SqlitePeopleIndex(database), SqliteSessionIndex(database, together=1)
    indexes = (PEOPLE, *OF_SESSIONS)
    for index in indexes:
        assert await parts_in(database, index.parts) == 0
    sizes = []
    for _ in range(3):
        await people.put(PRACTICE, a_therapist())  # whose number is empty
        await sessions.put(PRACTICE, an_entry(title="", summary="Slept better, 100% of the time."))
        sizes.append([await parts_in(database, index.parts) for index in indexes])
    assert sizes[0] == sizes[1] == sizes[2]
