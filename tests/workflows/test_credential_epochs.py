"""The epoch of credentials: what lets a person in ends with it, also what was under way."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, SECOND, THERAPIST, a_device, a_login, a_therapist, details
from tests.logins import has_login
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import (
    ACTOR,
    PASSWORD,
    SOUND,
    MemoryInstallation,
    an_installation,
    registered,
)
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.domain.access import Actor
from therapy.domain.errors import InvalidInput, NotSignedIn, Unavailable
from therapy.domain.login_tokens import parse_refresh_token, parse_reset_token
from therapy.ports.store import MOST_WRITES
from therapy.repositories.logins import access_partition
from therapy.repositories.practices import practice_partition
from therapy.workflows import account_changes, authentication, devices, new_passwords
from therapy.workflows.authentication import SignedIn
from therapy.workflows.devices import devices_of
from therapy.workflows.login_check import LoginCheck
from therapy.workflows.reset_letters import ask_for_letter
from therapy.workflows.uploads import receiving

EMAIL = a_therapist().email
NEW = "a long new one"
Step = Callable[[], Awaitable[None]]


class PausedPasswords(MemoryPasswords):
    """Lets something happen while a password is being checked: once it was read what to compare with."""

    def __init__(self) -> None:
        self.meanwhile: Step | None = None

    async def verify(self, password, hashed):
        right = await super().verify(password, hashed)
        if (step := self.meanwhile) is not None:
            self.meanwhile = None
            await step()
        return right


@pytest.fixture
async def installed() -> MemoryInstallation:
    return await an_installation(passwords=PausedPasswords())


async def signed_in(installed: MemoryInstallation, password: str = PASSWORD) -> SignedIn:
    return await authentication.log_in(
        EMAIL, password, records=installed.records, sign_in=installed.sign_in
    )


async def refreshed(installed: MemoryInstallation, token: str) -> SignedIn:
    return await authentication.refresh(token, records=installed.records, sign_in=installed.sign_in)


async def set_password(installed: MemoryInstallation, password: str = NEW) -> None:
    person = await installed.records.people.by_email(EMAIL)
    hashed = await installed.ports.passwords.hash(password)
    await new_passwords.set_password(person, hashed, records=installed.records)


async def mailed(installed: MemoryInstallation) -> str:
    """Have a token mailed and return it."""
    attempts = installed.sign_in.attempts
    asked = await ask_for_letter(EMAIL, records=installed.records, attempts=attempts)
    await installed.records.deliver(asked)
    words = installed.ports.mail.sent[-1].body.split()
    return next(word for word in words if parse_reset_token(word.strip(".")) is not None)


async def reset_password(installed: MemoryInstallation, password: str = NEW) -> None:
    await new_passwords.change_password(
        await mailed(installed), password, records=installed.records, sign_in=installed.sign_in
    )


async def disable(installed: MemoryInstallation) -> None:
    await account_changes.disable(EMAIL, records=installed.records)


ENDINGS = pytest.mark.parametrize(
    "end", [set_password, reset_password, disable], ids=["change", "reset", "disabling"]
)


def actor_of(installed: MemoryInstallation, login: SignedIn) -> Actor:
    return installed.ports.tokens.read(login.access_token, now=installed.clock.now)


async def register(installed: MemoryInstallation, login: SignedIn, token: str) -> None:
    actor = actor_of(installed, login)
    await devices.register_device(
        actor, token, platform="A", user_id=actor.person_id, records=installed.records
    )


async def alive(installed: MemoryInstallation) -> tuple[int, int]:
    """Return how many logins and devices the therapist has."""
    access = await installed.records.access.load(PRACTICE, THERAPIST)
    found = await devices_of(PRACTICE, THERAPIST, records=installed.records)
    return len(access.living(installed.clock.now)), len(found)


@ENDINGS
async def test_a_sign_in_whose_password_is_being_checked_does_not_survive(installed, end):
    installed.ports.passwords.meanwhile = lambda: end(installed)
    with pytest.raises(NotSignedIn, match="wrong_credentials"):
        await signed_in(installed)
    assert await alive(installed) == (0, 0)


@ENDINGS
async def test_a_refresh_under_way_leaves_nothing_alive(installed, end):
    login = await signed_in(installed)

    async def ended_first(partition: str, _: Sequence[object]) -> None:
        if partition == access_partition(PRACTICE, THERAPIST):
            installed.store.before_commit = nothing
            await end(installed)

    installed.store.before_commit = ended_first
    with pytest.raises(NotSignedIn):
        await refreshed(installed, login.refresh_token)
    assert await alive(installed) == (0, 0)


@ENDINGS
async def test_a_device_that_is_being_registered_is_not(installed, end):
    login = await signed_in(installed)

    async def ended_first(partition: str, _: Sequence[object]) -> None:
        if partition == access_partition(PRACTICE, THERAPIST):
            installed.store.before_commit = nothing
            await end(installed)

    installed.store.before_commit = ended_first
    with pytest.raises(NotSignedIn):
        await register(installed, login, "phone")
    assert await alive(installed) == (0, 0)


async def test_a_device_that_is_written_after_its_login_has_ended_gets_no_push(installed):
    login = await signed_in(installed)

    async def ended_first(partition: str, _: Sequence[object]) -> None:
        if partition.startswith("device|"):
            installed.store.before_commit = nothing
            await set_password(installed)

    installed.store.before_commit = ended_first
    with pytest.raises(NotSignedIn):
        await register(installed, login, "phone")
    assert await alive(installed) == (0, 0)
    assert await installed.records.devices.load("phone") is None


@ENDINGS
async def test_a_recording_that_arrives_while_access_ends_becomes_no_session(installed, end):
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        await incoming.write(SOUND)
        await incoming.end()
        await end(installed)
        with pytest.raises(NotSignedIn):
            await incoming.finish(ACTOR, details(), therapist="", file_name="a.wav")
    assert await installed.uploads() == ()
    assert await installed.recordings.staged_before(installed.clock.now + SECOND, 10) == ()


@ENDINGS
async def test_an_access_token_is_refused_within_five_seconds_by_a_process_that_has_just_seen_it(
    installed, end
):
    check, actor = (
        installed.installation.login_check,
        actor_of(installed, await signed_in(installed)),
    )
    await check.require(actor)
    await end(installed)
    installed.clock.advance(seconds=5)
    with pytest.raises(NotSignedIn):
        await check.require(actor)


async def test_of_more_logins_than_one_commit_ends_none_is_alive_although_its_process_dies(
    installed,
):
    sids = [f"login-{number:03}" for number in range(2 * MOST_WRITES)]
    await has_login(PRACTICE, THERAPIST, *sids, records=installed.records)
    person = await installed.records.people.by_email(EMAIL)
    hashed = await installed.ports.passwords.hash(NEW)
    await new_passwords.set_password(person, hashed, records=installed.dying_writer)
    check = LoginCheck(installed.records)
    alive_yet = []
    for sid in sids:
        with suppress(NotSignedIn):
            await check.require(replace(ACTOR, sid=sid))
            alive_yet.append(sid)
    assert not alive_yet


async def test_a_login_of_before_there_were_epochs_lives_on(installed):
    login = a_login(person_id=THERAPIST, sid="old")
    await installed.write(installed.records.logins.write(login))
    await signed_in(installed)
    assert (await alive(installed))[0] == 3  # with the one that the installation has
    await installed.installation.login_check.require(replace(ACTOR, sid="old"))


async def test_of_a_login_by_an_old_program_after_the_new_password_nothing_is_alive(installed):
    await set_password(installed)
    login = a_login(person_id=THERAPIST, sid="late")  # its program knows no epoch
    await installed.write(installed.records.logins.write(login))
    await registered(a_device(person_id=THERAPIST, sid="late"), records=installed.records)
    assert await alive(installed) == (0, 0)


async def test_a_new_password_counts_before_it_is_in_the_account(installed):
    async def away(partition: str, _: Sequence[object]) -> None:
        if partition == practice_partition(PRACTICE):
            raise Unavailable

    installed.store.before_commit = away
    for password in (NEW, "a second new one"):
        await set_password(installed, password)
    assert (await signed_in(installed, "a second new one")).refresh_token
    for old in (PASSWORD, NEW):
        with pytest.raises(NotSignedIn):
            await signed_in(installed, old)
    installed.store.before_commit = nothing
    installed.clock.advance(minutes=2)
    await installed.sweep()
    person = await installed.records.people.by_email(EMAIL)
    assert await installed.ports.passwords.verify("a second new one", person.password_hash)
    assert (await signed_in(installed, "a second new one")).refresh_token


async def test_a_password_that_an_old_program_has_set_counts(installed):
    await set_password(installed)
    before = await installed.records.people.by_email(EMAIL)
    after = replace(before, password_hash=await installed.ports.passwords.hash("set by an old one"))
    await installed.write(installed.records.people.write(before, after))
    assert (await signed_in(installed, "set by an old one")).refresh_token
    with pytest.raises(NotSignedIn):
        await signed_in(installed, NEW)
    await set_password(installed, "and another")
    assert (await signed_in(installed, "and another")).refresh_token
    with pytest.raises(NotSignedIn):
        await signed_in(installed, "set by an old one")


async def test_a_disabled_account_is_told_what_a_wrong_password_is_told(installed):
    await disable(installed)
    for password in (PASSWORD, "bad"):
        with pytest.raises(NotSignedIn, match="wrong_credentials"):
            await signed_in(installed, password)


async def test_a_disabled_account_gets_no_new_password_by_mail(installed):
    token = await mailed(installed)
    await disable(installed)
    with pytest.raises(InvalidInput, match="reset_token"):
        await new_passwords.change_password(
            token, NEW, records=installed.records, sign_in=installed.sign_in
        )
    sent = len(installed.ports.mail.sent)
    await mailed(installed)
    assert len(installed.ports.mail.sent) == sent


async def test_an_enabled_account_signs_in_again_and_nothing_of_before_is_alive(installed):
    login = await signed_in(installed)
    await disable(installed)
    await account_changes.enable(EMAIL, records=installed.records)
    await account_changes.enable(EMAIL, records=installed.records)
    with pytest.raises(NotSignedIn):
        await refreshed(installed, login.refresh_token)
    assert (await signed_in(installed)).refresh_token


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_forged_token_with_a_spent_number_ends_nothing(installed, number):
    token = (await signed_in(installed)).refresh_token
    for _ in range(3):
        token = (await refreshed(installed, token)).refresh_token
    right = parse_refresh_token(token)
    with pytest.raises(NotSignedIn):
        await refreshed(installed, str(replace(right, number=number, secret="guessed")))
    assert (await refreshed(installed, token)).refresh_token


@pytest.mark.parametrize("end", ["replay", "expiry"])
async def test_a_device_ends_with_its_login_however_that_ends(installed, end):
    login = await signed_in(installed)
    await register(installed, login, "phone")
    if end == "replay":
        await refreshed(installed, login.refresh_token)
        installed.clock.advance(minutes=2)
        with pytest.raises(NotSignedIn):
            await refreshed(installed, login.refresh_token)
    else:
        installed.clock.now += installed.sign_in.refresh_lifetime
    found = await devices_of(PRACTICE, THERAPIST, records=installed.records)
    assert "phone" not in [each.token for each in found]
    assert await installed.records.devices.load("phone") is None


async def test_a_person_has_twenty_devices_and_the_oldest_registration_makes_room(installed):
    login = await signed_in(installed)
    for number in range(25):
        installed.clock.advance(seconds=1)
        await register(installed, login, f"phone-{number}")
    await register(installed, login, "phone-5")
    await register(installed, login, "phone-99")
    found = await devices_of(PRACTICE, THERAPIST, records=installed.records)
    kept = [f"phone-{number}" for number in range(7, 25)]
    assert sorted(each.token for each in found) == sorted([*kept, "phone-5", "phone-99"])
    assert await installed.records.devices.load("phone-6") is None


async def test_of_devices_that_an_old_program_let_in_twenty_are_told(installed):
    for number in range(30):
        device = a_device(token=f"old-{number}", person_id=THERAPIST)
        at = installed.clock.now + number * SECOND
        await registered(replace(device, registered_at=at), records=installed.records)
    installed.clock.advance(minutes=3)
    found = await devices_of(PRACTICE, THERAPIST, records=installed.records)
    assert [each.token for each in found] == [f"old-{number}" for number in range(10, 30)]
    assert len(await installed.records.devices.pointers.of_person(PRACTICE, THERAPIST)) == 20
