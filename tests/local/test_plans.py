"""No call to a store looks at every row: SQLite is asked how it would do each statement."""

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.builders import DAY, NOW, PATIENT, PRACTICE, SESSION, THERAPIST, a_person, an_entry
from therapy.adapters.local.sqlite.database import READERS, SEARCHERS, Database
from therapy.adapters.local.sqlite.people_index import SqlitePeopleIndex
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.domain.people import Role
from therapy.domain.person_entry import person_entry_of
from therapy.domain.session_status import SessionStatus
from therapy.ports.store import Check, Create, Delete, Put, Replace, Store, SupportsWalk


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "therapy.sqlite3", synchronous="OFF") as opened:
        yield opened


async def every_call_of_the_indexes(database: Database) -> None:
    """Use both indexes in every way."""
    sessions, people = SqliteSessionIndex(database, together=1), SqlitePeopleIndex(database)
    await sessions.put(PRACTICE, an_entry(words=("calm",)))
    await sessions.put(PRACTICE, an_entry(words=("better",)))
    await sessions.get(PRACTICE, SESSION)
    states = [SessionStatus.CLOSED, SessionStatus.FAILED]
    assert len(await sessions.of_therapist(PRACTICE, THERAPIST, states, "", 10)) == 1
    assert len(await sessions.of_patient(PRACTICE, PATIENT, "", 10)) == 1
    assert len(await sessions.search(PRACTICE, THERAPIST, "bet", "", 10)) == 1
    await sessions.remove(PRACTICE, SESSION)
    for _ in range(2):
        await people.put(PRACTICE, person_entry_of(a_person()))
    for role in (None, Role.PATIENT):
        assert len(await people.search(PRACTICE, role, "jor", "a|b", 10)) == 1
    await people.remove(PRACTICE, PATIENT)


async def every_call_of_the_store(store: Store) -> None:
    """Use the store in every way, so that each finds something and goes on after it."""
    whole = {"kind": "run", "body": b"", "queue": "work", "due_at": NOW, "expires_at": NOW + DAY}
    await store.commit("a", [Create(id=f"{at}", **whole) for at in range(3)])
    await store.commit("a", [Replace(id="0", version=1, **whole), Check(id="1", version=1)])
    await store.commit("a", [Put(id="2", **whole), Put(id="3", **whole)])
    await store.commit("a", [Delete(id="0", version=2), Delete(id="1"), Delete(id="9", version=1)])
    assert len(await store.get("a", "2", "3")) == 2
    for backwards, bodies in itertools.product([False, True], repeat=2):
        first = await store.list("a", backwards=backwards, bodies=bodies, limit=1)
        await store.list("a", after=first[0].id, backwards=backwards, bodies=bodies)
    first = await store.due(["work", "mail"], NOW, 1)
    assert len(await store.due(["work", "mail"], NOW, 1, first[-1])) == 1
    assert isinstance(store, SupportsWalk)
    assert len([item async for item in store.walk()]) == 2
    await store.purge(10)


def careless(plan: list[str]) -> bool:
    """Return whether a plan looks at every row, or sorts.

    What is still to be done ("c") may be looked at, and what an index has just found.
    """
    scans = any(
        "SCAN" in step and not {"VIRTUAL", "CONSTANT", "c", "found"}.intersection(step.split())
        for step in plan
    )
    return scans or any("TEMP" in step for step in plan)


async def asked_by(
    database: Database, calls: Callable[[], Awaitable[None]]
) -> dict[str, list[str]]:
    """Return every statement that these calls make, with how SQLite does it."""
    statements: set[str] = set()
    every_reader = threading.Barrier(READERS + SEARCHERS)  # none answers before all have been asked

    def trace(connection: sqlite3.Connection) -> None:
        every_reader.wait()
        connection.set_trace_callback(statements.add)

    asked = [database.read(trace) for _ in range(READERS)]
    await asyncio.gather(*asked, *(database.search(trace) for _ in range(SEARCHERS)))
    await database.write(lambda c: c.set_trace_callback(statements.add))
    await calls()
    await database.write(lambda c: c.set_trace_callback(None))
    verbs = {"SELECT", "UPDATE", "DELETE", "INSERT"}
    plans = {}
    for statement in sorted(each for each in statements if each.split()[0] in verbs):
        if "'main'." in statement:  # full-text indexes read their own few settings
            continue
        explain = f"EXPLAIN QUERY PLAN {statement}"
        steps = await database.write(lambda c, ask=explain: c.execute(ask).fetchall())
        plans[statement] = [step[3] for step in steps]
    return plans


async def test_no_call_to_an_index_looks_at_every_row_or_sorts(database: Database) -> None:
    plans = await asked_by(database, lambda: every_call_of_the_indexes(database))
    assert len(plans) > 15
    for statement, plan in plans.items():
        assert not careless(plan), (statement, plan)


async def test_a_search_goes_through_texts_in_an_index_that_has_nothing_else(
    database: Database,
) -> None:
    sessions, people = SqliteSessionIndex(database), SqlitePeopleIndex(database)
    await sessions.put(PRACTICE, an_entry())
    await people.put(PRACTICE, person_entry_of(a_person()))

    async def searches() -> None:
        assert len(await sessions.search(PRACTICE, THERAPIST, "jo", "", 10)) == 1
        assert len(await people.search(PRACTICE, Role.PATIENT, "jo", "", 10)) == 1

    plans = await asked_by(database, searches)
    used = " ".join(step for plan in plans.values() for step in plan)
    assert "USING INDEX rows_scanned" in used
    assert "USING INDEX person_entries_scanned" in used


async def test_every_statement_of_the_store_finds_its_items_through_an_index(
    database: Database,
) -> None:
    store = SqliteStore(database, lambda: NOW)
    plans = await asked_by(database, lambda: every_call_of_the_store(store))
    assert len(plans) > 20
    for statement, plan in plans.items():
        for step in plan:
            assert step.startswith(("SEARCH items USING", "LIST SUBQUERY")), (statement, plan)
        assert plan or statement.startswith("INSERT"), statement
    used = " ".join(step for plan in plans.values() for step in plan)
    for index in (
        "INDEX items_due (queue=? AND (due_at,partition,id)>(?,?,?) AND due_at<?)",
        "COVERING INDEX items_expiry (expires_at<?)",
        "INDEX sqlite_autoindex_items_1 (partition=? AND id>? AND id<?)",
        "INDEX sqlite_autoindex_items_1 (partition=? AND id=?)",
        "INDEX sqlite_autoindex_items_1 ((partition,id)>(?,?))",
    ):
        assert index in used
