"""Old and new replicas side by side: what only a newer program knows is skipped, kept, and no error.

Items are written into the store as that program would write them.
"""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.builders import (
    HOUR,
    PRACTICE,
    SESSION,
    THERAPIST,
    a_device,
    a_login,
    a_person,
    a_push_due,
    a_run,
    a_session,
    an_item,
)
from tests.logins import LOGIN
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    MemoryInstallation,
    an_installation,
    begun,
    registered,
    reviewed,
)
from therapy.domain import codec
from therapy.domain.credentials import Credentials
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.run import RunState
from therapy.domain.session import State
from therapy.domain.session_status import SessionStatus
from therapy.ports.store import Create, Item, Put, Replace
from therapy.repositories.logins import access_partition
from therapy.repositories.practices import practice_partition
from therapy.workflows import review
from therapy.workflows.devices import register_device
from therapy.workflows.profiles import find_patients


def changed(stored: Any, **fields: Any) -> bytes:
    """Return a record's stored form with other values in it."""
    return json.dumps(json.loads(codec.encode(stored)) | fields).encode()


async def written_by_newer(
    installed: MemoryInstallation, item_id: str, kind: str, body: bytes, queue: str = ""
) -> Item:
    """Write an item of a newer program, due now if it has a queue, and return it as stored."""
    due_at = installed.clock.now if queue else None
    write = Create(id=item_id, kind=kind, body=body, queue=queue, due_at=due_at)
    await installed.store.commit(IN_SESSION, [write])
    return (await installed.store.get(IN_SESSION, item_id))[item_id]


async def as_stored(installed: MemoryInstallation, item: Item) -> Item:
    return (await installed.store.get(item.partition, item.id))[item.id]


NEWER_QUEUES = {
    "a kind of run": ("run-new", "run", changed(a_run(), kind="embed"), "run.embed"),
    "a consequence": (
        "item-00000000000000000001-new",
        "outbox",
        changed(an_item(), what={"type": "letter_due", "letter_id": "1"}),
        "outbox.letter",
    ),
    "a record of its own": ("draft-1", "draft", b'{"schema_version":1,"text":"x"}', "draft"),
}
"""What a newer program puts into queues of its own: id, kind, stored form, queue."""


@pytest.mark.parametrize("what", NEWER_QUEUES)
async def test_what_waits_in_a_newer_programs_queue_is_never_touched(what):
    installed = await an_installation()
    await begun(installed)
    item = await written_by_newer(installed, *NEWER_QUEUES[what])
    for _ in range(3):
        await installed.sweep()
        await installed.work()
        installed.clock.now += HOUR
    assert await as_stored(installed, item) == item
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert installed.told() == ["SESSION_READY"]


NEWER_VALUES = {
    "a push": (
        "item-00000000000000000001-new",
        "outbox",
        changed(an_item(), what={**json.loads(codec.encode(a_push_due())), "kind": "SHARED"}),
        "outbox.push",
    ),
    "a state of a run": ("run-new", "run", changed(a_run(), state="paused"), "run.transcribe"),
    "a form of an upload": (
        "upload-new",
        "upload",
        b'{"schema_version":2,"id":"new","parts":[]}',
        "upload",
    ),
}
"""What a newer program puts into queues that are known here, in a form that is not."""


@pytest.mark.parametrize("what", NEWER_VALUES)
async def test_what_is_due_and_only_a_newer_program_can_read_is_put_off_as_it_is(what):
    installed = await an_installation()
    await begun(installed)
    item = await written_by_newer(installed, *NEWER_VALUES[what])
    await installed.sweep()
    left = await as_stored(installed, item)
    assert (left.body, left.kind, left.queue) == (item.body, item.kind, item.queue)
    assert left.due_at == installed.clock.now + HOUR
    await installed.work()
    await installed.sweep()
    assert await as_stored(installed, item) == left
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def test_a_damaged_item_is_put_off_and_hides_nothing():
    installed = await an_installation()
    await begun(installed)
    item = await written_by_newer(installed, "item-1", "outbox", b"{", "outbox.push")
    await installed.sweep()
    left = await as_stored(installed, item)
    assert (left.body, left.due_at) == (b"{", installed.clock.now + HOUR)


async def test_a_session_with_work_that_only_a_newer_program_knows_is_read_and_worked_on():
    installed = await an_installation()
    await begun(installed)
    kept = [await written_by_newer(installed, *newer) for newer in NEWER_QUEUES.values()]
    view = await review.look(ACTOR, SESSION, records=installed.records)
    assert view.progress.state is SessionStatus.AWAITING_TRANSCRIPT
    await installed.work()
    await review.submit(ACTOR, SESSION, await reviewed(installed), records=installed.records)
    await installed.work()
    assert (await installed.session()).state is State.CLOSED
    assert (await installed.ports.session_index.get(PRACTICE, SESSION)).state.value == "closed"
    assert [await as_stored(installed, item) for item in kept] == kept


async def test_a_session_with_records_of_a_newer_program_is_erased_but_for_what_tells_nothing():
    """A draft says what was said; a run and what follows from one say nothing."""
    installed = await an_installation()
    await begun(installed)
    for newer in NEWER_QUEUES.values():
        await written_by_newer(installed, *newer)
    await review.cancel(ACTOR, SESSION, records=installed.records)
    assert (await installed.session()).state is State.ERASED
    left = {item.id for item in await installed.store.list(IN_SESSION)}
    assert left == {"session", "run-run-1", "run-new", "item-00000000000000000001-new"}


async def test_a_state_of_a_session_that_is_not_known_here_is_told_as_such_and_others_stay_readable():
    installed = await an_installation()
    await begun(installed)
    body = changed(a_session(id="other"), state="archived")
    await installed.store.commit(
        f"session|{PRACTICE}|other", [Create(id="session", kind="session", body=body)]
    )
    with pytest.raises(Unavailable, match="not_known_to_this_version"):
        await review.look(ACTOR, "other", records=installed.records)
    assert await review.look(ACTOR, SESSION, records=installed.records)


NEWER_PARTS = {"the session": {"schema_version": 99}, "its state": {"state": "archived"}}


@pytest.mark.parametrize("what", NEWER_PARTS)
async def test_work_on_a_session_that_only_a_newer_program_can_read_is_left_to_its_workers(what):
    installed = await an_installation()
    await begun(installed)
    session = await installed.session()
    newer = Put(id="session", kind="session", body=changed(session, **NEWER_PARTS[what]))
    await installed.store.commit(IN_SESSION, [newer])
    worker, writes = installed.worker, []
    for _ in range(50):
        await worker.work_on(PRACTICE, SESSION)
        (run,) = await installed.runs()
        assert (run.state, run.attempt, run.claims) == (RunState.DUE, 0, 0)
        writes.append(run.version)
        installed.clock.advance(seconds=30)
    assert len(set(writes)) == 3  # 25 minutes: it was looked at once in ten
    same = Put(id="session", kind="session", body=codec.encode(session))
    await installed.store.commit(IN_SESSION, [same])
    await installed.with_ports().work()  # another process
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert installed.told() == ["SESSION_READY"]


async def test_work_on_a_session_that_is_damaged_ends():
    installed = await an_installation()
    await begun(installed)
    await installed.store.commit(IN_SESSION, [Put(id="session", kind="session", body=b"{")])
    for _ in range(10):
        await installed.work()
        installed.clock.now += HOUR
    (run,) = await installed.runs()
    assert (run.state, run.attempt) == (RunState.FAILED, 5)
    assert installed.told() == []


async def test_people_and_logins_of_a_newer_program_are_left_out_and_left_alone():
    installed = await an_installation()
    records, store = installed.records, installed.store
    owner = changed(a_person(id="owner", number="", email="o@example.health"), role="OWNER")
    await store.commit(
        practice_partition(PRACTICE), [Create(id="person-owner", kind="person", body=owner)]
    )
    key = changed(a_login(sid="key"), refresh_hash=["several"])
    partition = access_partition(PRACTICE, THERAPIST)
    await store.commit(partition, [Create(id="login-key", kind="login", body=key)])
    everybody = [person.id async for person in records.people.of_practice(PRACTICE)]
    assert everybody == ["patient-1", "therapist-1"]
    assert [each.sid for each in await records.logins.of_person(PRACTICE, THERAPIST)] == [LOGIN]
    found = await find_patients(
        ACTOR,
        "example.health",
        records=records,
        people_index=installed.ports.people_index,
        searches=installed.installation.searches,
    )
    assert [entry.id for entry in found] == ["patient-1"]
    assert (await store.get(partition, "login-key"))["login-key"].body == key


async def test_a_device_under_a_login_of_a_newer_program_is_left_to_that_program():
    installed = await an_installation()
    await begun(installed)
    records, store = installed.records, installed.store
    partition = access_partition(PRACTICE, THERAPIST)
    await registered(a_device(token="newer", person_id=THERAPIST, sid="key"), records=records)
    body = changed(a_login(sid="key"), refresh_hash=["several"])
    await store.commit(partition, [Put(id="login-key", kind="login", body=body)])
    before = await store.list(partition, "device-")
    installed.clock.now += HOUR
    await installed.work()  # and a push follows
    told = [device.token for device, _ in installed.ports.push.sent]
    assert told == ["token-1"]
    assert await store.list(partition, "device-") == before
    assert await records.devices.load("newer") is not None


async def test_credentials_that_only_a_newer_program_can_read_count_as_no_others():
    installed = await an_installation()
    records, store = installed.records, installed.store
    partition = access_partition(PRACTICE, THERAPIST)
    (login,) = await records.logins.of_person(PRACTICE, THERAPIST)
    newer = changed(Credentials(PRACTICE, THERAPIST, epoch=login.epoch + 1), disabled="for a week")
    await store.commit(partition, [Put(id="credentials", kind="credentials", body=newer)])
    actor = replace(ACTOR, sid=login.sid)
    with pytest.raises(Unavailable, match="not_known_to_this_version"):
        await register_device(
            actor, "token-2", platform="android", user_id=THERAPIST, records=records
        )
    assert await records.devices.load("token-2") is None


async def test_an_item_under_an_id_of_ours_but_of_another_kind_is_not_ours():
    installed = await an_installation()
    partition = "session|practice-1|elsewhere"
    write = Create(id="session", kind="group-session", body=codec.encode(a_session()))
    await installed.store.commit(partition, [write])
    with pytest.raises(NotFound):
        await installed.session("elsewhere")


async def test_fields_that_a_newer_program_added_are_no_hindrance():
    installed = await an_installation()
    await begun(installed)
    run = await installed.run()
    body = changed(run, engine_hint="large")
    await installed.store.commit(
        IN_SESSION,
        [
            Replace(
                id="run-run-1",
                kind="run",
                body=body,
                version=1,
                queue="run.transcribe",
                due_at=run.due_at,
            )
        ],
    )
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW
