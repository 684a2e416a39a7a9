"""No call to a store looks at every row: SQLite is asked how it would do each statement."""

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.builders import (
    DAY,
    NOW,
    PATIENT,
    PRACTICE,
    SESSION,
    THERAPIST,
    a_device,
    a_login,
    a_person,
    a_practice,
    a_reset,
    a_run,
    a_session,
    a_version,
    an_entry,
    an_item,
    an_upload,
)
from therapy.adapters.local.devices import SqliteDevices
from therapy.adapters.local.logins import SqliteLogins
from therapy.adapters.local.outbox import SqliteOutbox
from therapy.adapters.local.people import SqlitePeople
from therapy.adapters.local.reservations import SqliteReservations
from therapy.adapters.local.runs import SqliteRuns
from therapy.adapters.local.sessions import SqliteSessions
from therapy.adapters.local.sqlite.database import READERS, Database
from therapy.adapters.local.sqlite.people_index import SqlitePeopleIndex
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.adapters.local.uploads import SqliteUploads
from therapy.domain.people import Role
from therapy.domain.person_entry import person_entry_of
from therapy.domain.run import done
from therapy.domain.session_status import SessionStatus
from therapy.ports.sessions import Change
from therapy.ports.store import Check, Create, Delete, Put, Replace, Store, SupportsWalk


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "therapy.sqlite3", synchronous="OFF") as opened:
        yield opened


async def every_call(database: Database) -> None:
    """Use every store in every way."""
    sessions, runs, outbox = SqliteSessions(database), SqliteRuns(database), SqliteOutbox(database)
    await sessions.commit(
        PRACTICE, SESSION, Change(a_session(), a_version(), (a_run(),), (an_item(),))
    )
    again = Change(a_session(version=1), a_version(), (a_run(version=1),), drop_transcripts=True)
    await sessions.commit(PRACTICE, SESSION, again)
    await sessions.load(PRACTICE, SESSION)
    await sessions.transcript(PRACTICE, SESSION, 1)
    await runs.of_session(PRACTICE, SESSION)
    await runs.save(PRACTICE, done(a_run(version=2)))
    await runs.due(NOW, 10)
    await outbox.pending(PRACTICE, SESSION)
    await outbox.update(PRACTICE, an_item())
    await outbox.overdue(NOW, 10)
    await outbox.done(PRACTICE, SESSION, "item-1")
    index, people = SqliteSessionIndex(database), SqlitePeople(database)
    await index.put(PRACTICE, an_entry(words=("calm",)))
    await index.put(PRACTICE, an_entry(words=("better",)))
    await index.get(PRACTICE, SESSION)
    await index.of_therapist(
        PRACTICE, THERAPIST, [SessionStatus.CLOSED, SessionStatus.FAILED], "", 10
    )
    await index.of_patient(PRACTICE, PATIENT, "", 10)
    assert len(await index.search(PRACTICE, THERAPIST, "bet", "", 10)) == 1
    await index.remove(PRACTICE, SESSION)
    await people.put_practice(PRACTICE, a_practice())
    await people.practice(PRACTICE)
    await people.save(PRACTICE, await people.add(PRACTICE, a_person()))
    await people.person(PRACTICE, PATIENT)
    await people.by_number(PRACTICE, a_person().number)
    await people.by_email(a_person().email)
    for role in (None, Role.PATIENT):
        await people.search(PRACTICE, role, "jor", "a|b", 10)
    people_index = SqlitePeopleIndex(database)
    for _ in range(2):
        await people_index.put(PRACTICE, person_entry_of(a_person()))
    for role in (None, Role.PATIENT):
        assert len(await people_index.search(PRACTICE, role, "jor", "a|b", 10)) == 1
    await people_index.remove(PRACTICE, PATIENT)
    logins, devices = SqliteLogins(database), SqliteDevices(database)
    await logins.rotate(PRACTICE, await logins.add(PRACTICE, a_login()))
    await logins.by_refresh("hash-1")
    await logins.add_reset(PRACTICE, a_reset())
    await logins.reset("reset-1", NOW)
    await logins.use_reset("reset-1", NOW)
    await logins.end_all(PRACTICE, PATIENT)
    await logins.end(PRACTICE, "login-1")
    await devices.put(PRACTICE, a_device())
    await devices.of_person(PRACTICE, PATIENT)
    await devices.remove(PRACTICE, "token-1")
    uploads, reservations = SqliteUploads(database), SqliteReservations(database)
    await uploads.put(PRACTICE, an_upload())
    await uploads.get(PRACTICE, "upload-1")
    await uploads.expired(NOW, 10)
    await uploads.remove(PRACTICE, "upload-1")
    await reservations.reserve(PRACTICE, "key", "value")
    await reservations.replace(PRACTICE, "key", "value", "other")
    await reservations.release(PRACTICE, "key", "other")


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
    """Tell whether a plan looks at every row, or sorts more than the few rows of one session."""
    if any("SCAN" in step and "VIRTUAL" not in step and "CONSTANT" not in step for step in plan):
        return True
    of_a_session = any("practice_id=? AND session_id=?" in step for step in plan)
    return any("TEMP" in step for step in plan) and not of_a_session


async def asked_by(
    database: Database, calls: Callable[[], Awaitable[None]]
) -> dict[str, list[str]]:
    """Return every statement that these calls make, with how SQLite does it."""
    statements: set[str] = set()
    every_reader = threading.Barrier(READERS)  # none answers before all have been asked

    def trace(connection: sqlite3.Connection) -> None:
        every_reader.wait()
        connection.set_trace_callback(statements.add)

    await asyncio.gather(*(database.read(trace) for _ in range(READERS)))
    await database.write(lambda c: c.set_trace_callback(statements.add))
    await calls()
    await database.write(lambda c: c.set_trace_callback(None))
    verbs = {"SELECT", "UPDATE", "DELETE", "INSERT"}
    plans = {}
    for statement in sorted(each for each in statements if each.split()[0] in verbs):
        if "'main'.'row_words_" in statement:  # the full-text index reads its own few settings
            continue
        explain = f"EXPLAIN QUERY PLAN {statement}"
        steps = await database.write(lambda c, ask=explain: c.execute(ask).fetchall())
        plans[statement] = [step[3] for step in steps]
    return plans


async def test_no_call_looks_at_every_row_or_sorts(database: Database) -> None:
    plans = await asked_by(database, lambda: every_call(database))
    assert len(plans) > 50
    for statement, plan in plans.items():
        assert not careless(plan), (statement, plan)


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
