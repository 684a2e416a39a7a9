"""A key of another Firebase project: no device is forgotten, an operator sees why, and it can be mended."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from rich.console import Console

from tests.builders import HOUR, PRACTICE, a_device, a_push, a_push_due, a_session, a_therapist
from tests.emulators.fcm import FakeFcm
from tests.workflows.memory_installation import MemoryInstallation, an_installation, registered
from therapy.adapters.firebase.push import FcmPushSender
from therapy.domain.errors import Unavailable
from therapy.entrypoints.cli.waiting_deliveries import show_waiting, summary
from therapy.repositories.change import Change
from therapy.workflows import accounts, devices
from therapy.workflows.undelivered import undelivered

PEOPLE = [f"colleague-{number}" for number in range(25)]
ANOTHER = "another-clinic"


@asynccontextmanager
async def started(
    installed: MemoryInstallation, account: dict[str, str]
) -> AsyncIterator[MemoryInstallation]:
    """Yield the installation after a restart with this key."""
    async with FcmPushSender.open(account_json=json.dumps(account)) as sender:
        yield installed.with_ports(push=sender)


async def with_devices(installed: MemoryInstallation, people: Sequence[str]) -> None:
    """Register two devices for each of these people, who are new."""
    for number, person in enumerate(people):
        someone = a_therapist(id=person, email=f"t{number}@clinic.example")
        await accounts.add_person(someone, records=installed.records)
        for each in ("phone", "tablet"):
            device = a_device(token=f"{person}-{each}", person_id=person, sid=f"{person}-{each}")
            await registered(device, records=installed.records)


async def tell(installed: MemoryInstallation, people: Sequence[str]) -> None:
    """Have each of them told of a session."""
    for person in people:
        change = Change(installed.records.sessions.write(a_session(id=f"session-{person}")))
        due = a_push_due(person_id=person, session_id=f"session-{person}")
        await installed.records.commit(PRACTICE, change, due)


async def kept(installed: MemoryInstallation, people: Sequence[str]) -> int:
    """Return how many devices these people have."""
    records = installed.records
    found = [await devices.devices_of(PRACTICE, person, records=records) for person in people]
    return sum(map(len, found))


async def test_a_wrong_key_forgets_none_of_50_devices_and_mended_each_push_arrives_once(
    fcm: FakeFcm, caplog: pytest.LogCaptureFixture
) -> None:
    installed = await an_installation()
    await with_devices(installed, PEOPLE)
    async with started(installed, fcm.account_of(ANOTHER)) as wrong:
        await tell(wrong, PEOPLE)
        for _ in range(3):
            wrong.clock.advance(hours=1)
            await wrong.sweep()
    assert await kept(installed, PEOPLE) == 50
    assert fcm.messages == []

    (waiting,) = await undelivered(records=installed.records)
    assert (waiting.dependency, waiting.number) == ("push", 25)
    assert "SENDER_ID_MISMATCH" in waiting.why
    assert installed.clock.now - waiting.since >= 3 * HOUR
    alerts = [each for each in caplog.records if each.levelname == "ERROR"]
    assert [vars(each)["reason"] for each in alerts] == ["SENDER_ID_MISMATCH"]

    async with started(installed, fcm.account) as mended:
        for _ in range(2):
            mended.clock.advance(hours=1)
            await mended.sweep()
    told = sorted(each["device"] for each in fcm.messages)
    assert told == sorted(f"{one}-{each}" for one in PEOPLE for each in ("phone", "tablet"))
    assert await undelivered(records=installed.records) == ()


async def test_an_operator_reads_what_waits_and_the_cure(fcm: FakeFcm) -> None:
    installed = await an_installation()
    await with_devices(installed, PEOPLE[:2])
    async with started(installed, fcm.account_of(ANOTHER)) as wrong:
        await tell(wrong, PEOPLE[:2])
    waiting = await undelivered(records=installed.records)
    console = Console(record=True, width=200)
    show_waiting(waiting, console)
    shown = console.export_text()
    assert "2 pushes could not be delivered" in shown
    assert "another Firebase project" in shown
    assert "nobody has to sign in again" in shown
    assert "phone" not in shown
    assert summary(waiting) == "2 pushes wait"


async def test_a_device_of_another_project_is_gone_once_this_project_has_reached_one(
    fcm: FakeFcm, sender: FcmPushSender
) -> None:
    fcm.results = {"old": "SENDER_ID_MISMATCH"}
    with pytest.raises(Unavailable) as refusal:
        await sender.send(PRACTICE, a_device(token="old"), a_push())
    assert refusal.value.details["reason"] == "SENDER_ID_MISMATCH"
    assert await sender.send(PRACTICE, a_device(token="new"), a_push()) is True
    assert await sender.send(PRACTICE, a_device(token="old"), a_push()) is False


async def test_a_device_that_can_not_be_told_keeps_no_other_of_its_person_from_being_told(
    fcm: FakeFcm,
) -> None:
    installed = await an_installation()
    await with_devices(installed, PEOPLE[:1])
    fcm.results = {f"{PEOPLE[0]}-phone": "SENDER_ID_MISMATCH"}
    async with started(installed, fcm.account) as running:
        await tell(running, PEOPLE[:1])
        assert [each["device"] for each in fcm.messages] == [f"{PEOPLE[0]}-tablet"]
        running.clock.advance(hours=1)
        await running.sweep()
        assert [
            each.token
            for each in await devices.devices_of(PRACTICE, PEOPLE[0], records=running.records)
        ] == [f"{PEOPLE[0]}-tablet"]
    assert len(fcm.messages) == 1


async def test_an_account_that_may_not_send_forgets_no_device_and_says_so(
    fcm: FakeFcm, sender: FcmPushSender, caplog: pytest.LogCaptureFixture
) -> None:
    fcm.may_send = False
    for _ in range(3):
        with pytest.raises(Unavailable):
            await sender.send(PRACTICE, a_device(), a_push())
    fcm.may_send = True
    assert await sender.send(PRACTICE, a_device(), a_push()) is True
    ours = [each for each in caplog.records if each.name.startswith("therapy.")]
    said = [(each.levelname, each.getMessage().partition(":")[0]) for each in ours]
    assert said == [
        ("ERROR", "pushes are refused for the whole project"),
        ("WARNING", "pushes are accepted again"),
    ]


async def test_an_account_needs_nothing_but_the_right_to_send(
    fcm: FakeFcm, sender: FcmPushSender
) -> None:
    await sender.send(PRACTICE, a_device(), a_push())
    assert {each["path"] for each in fcm.calls} == {
        "/token",
        f"/v1/projects/{fcm.project}/messages:send",
    }
