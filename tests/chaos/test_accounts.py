"""A crash at every port call of an account's life, then a restart: nothing is lost or doubled."""

from contextlib import suppress

import pytest

from tests.builders import HOUR, PRACTICE, a_practice, an_actor
from tests.chaos.steps import Cut, Lifetime, Process, at_every_call
from tests.workflows.memory_installation import MemoryInstallation, an_installation
from therapy.domain.errors import AlreadyExists, InvalidInput, NotSignedIn
from therapy.domain.people import Role
from therapy.repositories.logins import access_partition
from therapy.repositories.practices import practice_partition
from therapy.workflows import accounts, authentication, devices, new_passwords
from therapy.workflows.authentication import SignedIn
from therapy.workflows.profiles import find_patients
from therapy.workflows.reset_letters import ask_for_letter

pytestmark = pytest.mark.slow  # whole sessions, cut at each call

EMAIL, NUMBER = "dana@example.health", "300000015"
FIRST, SECOND = "the first password", "the second password"


async def add_account(it: MemoryInstallation) -> None:
    with suppress(AlreadyExists):  # it was written before, and nobody was told
        await accounts.add_account(
            a_practice(),
            Role.PATIENT,
            email=EMAIL,
            full_name="Dana Levi",
            password=FIRST,
            number=NUMBER,
            records=it.records,
            passwords=it.ports.passwords,
        )


async def log_in(it: MemoryInstallation, password: str) -> SignedIn:
    return await authentication.log_in(EMAIL, password, records=it.records, sign_in=it.sign_in)


async def register(it: MemoryInstallation, signed_in: SignedIn) -> None:
    actor = it.ports.tokens.read(signed_in.access_token, now=it.clock.now)
    await devices.register_device(
        actor, "phone", platform="android", user_id=NUMBER, records=it.records
    )


async def forget(it: MemoryInstallation) -> None:
    asked = await ask_for_letter(EMAIL, records=it.records, attempts=it.sign_in.attempts)
    await it.records.deliver(asked)


async def change(it: MemoryInstallation) -> None:
    letter = it.ports.mail.sent[-1]
    token = next(word for word in letter.body.split() if word.count(".") == 2)
    await new_passwords.change_password(token, SECOND, records=it.records, sign_in=it.sign_in)


async def life(process: Process) -> None:
    """Add an account, sign in, get pushes, forget the password, set a new one."""
    lived = Lifetime(await an_installation(), process)
    await lived.until_done(add_account)
    first = await lived.until_done(lambda it: log_in(it, FIRST))
    await lived.until_done(lambda it: register(it, first))
    await lived.until_done(forget)
    try:
        await lived.until_done(change)
    except InvalidInput:  # the token was used up by the process that died
        assert lived.deaths == 1
        await forget(lived.installed)
        await change(lived.installed)
    lived.installed.clock.now += HOUR
    await lived.until_done(MemoryInstallation.sweep)
    await check(lived.installed, first)


async def check(installed: MemoryInstallation, first: SignedIn) -> None:
    records, person = installed.records, first.person
    numbers = [each.number async for each in records.people.of_practice(PRACTICE)]
    assert sorted(numbers) == ["", "203948571", NUMBER]
    assert (await records.people.by_email(EMAIL)).id == person.id
    assert (await records.people.by_number(PRACTICE, NUMBER)).id == person.id
    with pytest.raises(NotSignedIn):
        await log_in(installed, FIRST)
    with pytest.raises(NotSignedIn):
        await authentication.refresh(
            first.refresh_token, records=records, sign_in=installed.sign_in
        )
    assert await records.logins.of_person(PRACTICE, person.id) == ()
    assert await devices.devices_of(PRACTICE, person.id, records=records) == ()
    assert (await log_in(installed, SECOND)).refresh_token
    for partition in (practice_partition(PRACTICE), access_partition(PRACTICE, person.id)):
        assert await installed.waiting(partition) == ()
    found = await find_patients(
        an_actor(),
        "Dana",
        records=records,
        people_index=installed.ports.people_index,
        searches=installed.installation.searches,
    )
    assert [entry.number for entry in found] == [NUMBER]


async def test_a_life_without_a_crash_takes_its_known_calls():
    process = Process()
    await life(process)
    assert {name.partition(".")[0] for name in process.calls} == {
        *("store", "people_index", "recordings", "passwords", "mail")
    }


@pytest.mark.parametrize("cut", [Cut.DIES_BEFORE, Cut.DIES_AFTER], ids=lambda cut: cut.value)
async def test_a_crash_at_any_port_call_loses_and_doubles_nothing(cut):
    await at_every_call(life, cut)
