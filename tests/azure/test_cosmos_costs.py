"""docs/reference/cosmos.md is true: each call makes the requests that its table says, and none asks all."""

import runpy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.azure.cosmos_stores import Stores
from tests.builders import (
    HOUR,
    NOW,
    PATIENT,
    PRACTICE,
    SECOND,
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
from therapy.adapters.azure.cosmos.people_index import CosmosPeopleIndex
from therapy.domain.person_entry import person_entry_of
from therapy.domain.run import beaten, claimed, done
from therapy.domain.sentiment import Scores
from therapy.domain.session_status import SessionStatus
from therapy.ports.sessions import Change

pytestmark = pytest.mark.xdist_group("cosmos")

ROOT = Path(__file__).resolve().parents[2]
COSTS = runpy.run_path(str(ROOT / "scripts" / "cosmos_costs.py"))["COSTS"]
MADE = {cost.call: cost.counts() for cost in COSTS}

Calls = dict[str, Callable[[], Awaitable[Any]]]


def calls_of_sessions(stores: Stores) -> Calls:
    taken = claimed(a_run(version=1), lease="w", now=NOW, hold=30 * SECOND, within=HOUR)
    mine = replace(taken, version=2)
    beat = beaten(mine, now=NOW + SECOND, hold=30 * SECOND, stage="listening", progress=0.5)
    scored = a_version(
        utterances=tuple(
            replace(each, scores=Scores(1.0, 0.0, 0.0)) for each in a_version().utterances
        )
    )
    second = a_run(id="run-2", version=1)

    def commit(*parts: Any, **named: Any) -> Callable[[], Awaitable[None]]:
        return lambda: stores.sessions.commit(PRACTICE, SESSION, Change(*parts, **named))

    two, one = (an_item("a"), an_item("b")), (an_item("c"),)
    return {
        "`runs.due`: nothing is": lambda: stores.runs.due(NOW, 100),
        "`outbox.overdue`: nothing is": lambda: stores.outbox.overdue(NOW, 100),
        "`sessions.commit`: new": commit(a_session(), None, (a_run(), a_run(id="run-2")), two),
        "`sessions.commit`: claim": commit(None, None, (taken,), one),
        "`runs.save`: a beat": lambda: stores.runs.save(PRACTICE, beat),
        "`sessions.commit`: transcript, run over": commit(
            a_session(version=1), a_version(), (done(replace(mine, version=3)),), two
        ),
        "`sessions.commit`: scores, run over": commit(
            a_session(version=2), scored, (done(second),), one
        ),
        "`sessions.load`": lambda: stores.sessions.load(PRACTICE, SESSION),
        "`sessions.transcript`": lambda: stores.sessions.transcript(PRACTICE, SESSION, 1),
        "`runs.of_session`": lambda: stores.runs.of_session(PRACTICE, SESSION),
        "`outbox.pending`": lambda: stores.outbox.pending(PRACTICE, SESSION),
        "`outbox.update`": lambda: stores.outbox.update(PRACTICE, an_item("a", attempts=1)),
        "`outbox.done`": lambda: stores.outbox.done(PRACTICE, SESSION, "a"),
        "`sessions.commit`: erasure": commit(a_session(version=3), drop_transcripts=True),
    }


def calls_of_session_index(stores: Stores) -> Calls:
    index, every = stores.session_index, tuple(SessionStatus)
    closed = an_entry(sequence=3, words=("calm", "sleep"))
    moved = replace(closed, sequence=4, therapist_id="therapist-2")

    def waiting(sequence: int) -> Awaitable[None]:
        return index.put(PRACTICE, an_entry(sequence=sequence, state=SessionStatus.AWAITING_REVIEW))

    return {
        "": lambda: waiting(1),
        "`session_index.put`: changed in one list": lambda: waiting(2),
        "`session_index.put`: closed and linked": lambda: index.put(PRACTICE, closed),
        "`session_index.get`": lambda: index.get(PRACTICE, SESSION),
        "`session_index.of_therapist`: one state": lambda: index.of_therapist(
            PRACTICE, THERAPIST, {SessionStatus.CLOSED}, "", 500
        ),
        "`session_index.of_therapist`: all states": lambda: index.of_therapist(
            PRACTICE, THERAPIST, every, "", 50
        ),
        "`session_index.of_patient`": lambda: index.of_patient(PRACTICE, PATIENT, "", 500),
        "`session_index.search`": lambda: index.search(PRACTICE, THERAPIST, "sle cal", "", 500),
        "`session_index.put`: moved to another therapist": lambda: index.put(PRACTICE, moved),
        "`session_index.remove`": lambda: index.remove(PRACTICE, SESSION),
    }


def calls_of_people(stores: Stores) -> Calls:
    people, logins = stores.people, stores.logins
    index = CosmosPeopleIndex(stores.cosmos)
    rotated = a_login(version=1, refresh_hash="hash-2", previous_hash="hash-1")
    return {
        "": lambda: people.put_practice(PRACTICE, a_practice()),
        "`people.practice`": lambda: people.practice(PRACTICE),
        "`people.add`": lambda: people.add(PRACTICE, a_person()),
        "`people.person`": lambda: people.person(PRACTICE, PATIENT),
        "`people.by_email`": lambda: people.by_email(a_person().email),
        "`people.by_number`": lambda: people.by_number(PRACTICE, a_person().number),
        "`people.save`": lambda: people.save(PRACTICE, a_person(version=1)),
        "`people.search`: 50 found": lambda: people.search(PRACTICE, None, "jordan", "", 50),
        "  ": lambda: index.put(PRACTICE, person_entry_of(a_person(version=1))),
        "`people_index.put`": lambda: index.put(PRACTICE, person_entry_of(a_person(version=2))),
        "`people_index.search`: 50 found": lambda: index.search(PRACTICE, None, "jordan", "", 50),
        "`people_index.remove`": lambda: index.remove(PRACTICE, PATIENT),
        "`logins.add`": lambda: logins.add(PRACTICE, a_login(previous_hash="")),
        "`logins.rotate`": lambda: logins.rotate(PRACTICE, rotated),
        "`logins.by_refresh`": lambda: logins.by_refresh("hash-2"),
        "`logins.end`": lambda: logins.end(PRACTICE, "login-1"),
        " ": lambda: logins.add_reset(PRACTICE, a_reset()),
        "`logins.use_reset`": lambda: logins.use_reset("reset-1", NOW),
        "`devices.put`": lambda: stores.devices.put(PRACTICE, a_device()),
        "`devices.of_person`: one": lambda: stores.devices.of_person(PRACTICE, PATIENT),
        "`uploads.put`": lambda: stores.uploads.put(PRACTICE, an_upload()),
        "`uploads.expired`: none has": lambda: stores.uploads.expired(NOW, 100),
        "`uploads.remove`": lambda: stores.uploads.remove(PRACTICE, "upload-1"),
        "`reservations.reserve`": lambda: stores.reservations.reserve(PRACTICE, "key", "value"),
    }


CALLS = (calls_of_sessions, calls_of_session_index, calls_of_people)


async def test_each_call_makes_the_requests_that_the_page_says(stores: Stores) -> None:
    made, crossing = {}, []
    for calls in CALLS:
        for name, call in calls(stores).items():
            stores.emulator.clear()
            await call()
            if name.strip():
                made[name] = stores.operations()
            if stores.emulator.cross_partition():
                crossing.append(name)
    assert made == MADE
    assert crossing == []
