"""Forgotten passwords: a one-time token by mail, a new password, and the end of whatever let in before."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    PRACTICE,
    THERAPIST,
    a_device,
    a_login,
    a_person,
    a_reset,
    a_therapist,
)
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import (
    ACTOR,
    PASSWORD,
    MemoryInstallation,
    an_installation,
    registered,
)
from therapy.adapters.memory.mail import MemoryMail
from therapy.domain.errors import InvalidInput, NotSignedIn, Unavailable
from therapy.domain.login_tokens import parse_reset_token, token_hash
from therapy.domain.outbox import AccessEnded
from therapy.ports.mail import Letter
from therapy.ports.store import Write
from therapy.repositories.logins import OldToken, access_partition
from therapy.repositories.practices import practice_partition
from therapy.repositories.records import UNATTACHED, Records
from therapy.workflows import authentication, new_passwords
from therapy.workflows.authentication import SignedIn
from therapy.workflows.devices import devices_of
from therapy.workflows.reset_letters import ask_for_letter

EMAIL = a_therapist().email
NEW = "a long new one"
LIFETIME = 30 * MINUTE
ACCESS = access_partition(PRACTICE, THERAPIST)


@pytest.fixture
async def installed() -> MemoryInstallation:
    return await an_installation()


async def signed_in(
    installed: MemoryInstallation, password: str = PASSWORD, email: str = EMAIL
) -> SignedIn:
    return await authentication.log_in(
        email, password, records=installed.records, sign_in=installed.sign_in
    )


async def refreshed(installed: MemoryInstallation, login: SignedIn) -> SignedIn:
    return await authentication.refresh(
        login.refresh_token, records=installed.records, sign_in=installed.sign_in
    )


async def letter_asked(
    installed: MemoryInstallation, email: str = EMAIL, address: str = ""
) -> None:
    """Ask for a letter, and have it sent."""
    records, attempts = installed.records, installed.sign_in.attempts
    asked = await ask_for_letter(email, address=address, records=records, attempts=attempts)
    await records.deliver(asked)


async def mailed(installed: MemoryInstallation, email: str = EMAIL.upper()) -> str:
    """Have a token mailed and return it."""
    await letter_asked(installed, email)
    words = installed.ports.mail.sent[-1].body.split()
    return next(word for word in words if parse_reset_token(word.strip(".")) is not None)


async def changed(
    installed: MemoryInstallation, token: str, password: str = NEW, records: Records | None = None
) -> None:
    await new_passwords.change_password(
        token, password, records=records or installed.records, sign_in=installed.sign_in
    )


async def test_a_forgotten_password_of_nobody_sends_nothing(installed):
    await letter_asked(installed, "nobody@example.org")
    assert installed.ports.mail.sent == []


async def test_asking_for_a_letter_does_the_same_whether_there_is_such_an_account(installed):
    done: list[list[object]] = []

    async def noted(partition: str, what: Sequence[Any]) -> None:
        done[-1] += [
            partition.split("|", maxsplit=1)[0],
            [getattr(each, "kind", each) for each in what],
        ]

    installed.store.after_get = installed.store.before_commit = noted
    for email in (EMAIL, "olivia.hayes9@example.health"):
        done.append([])
        records, attempts = installed.records, installed.sign_in.attempts
        await ask_for_letter(email, records=records, attempts=attempts)
    assert done[0] == done[1] != []
    assert installed.ports.mail.sent == []


async def test_a_letter_that_can_not_be_sent_is_sent_later_with_another_token(installed):
    class Away(MemoryMail):
        async def send(self, practice_id: str, letter: Letter) -> None:
            raise Unavailable

    await letter_asked(installed.with_ports(mail=Away()))
    assert installed.ports.mail.sent == []
    installed.clock.now += 2 * MINUTE
    await installed.sweep()
    (letter,) = installed.ports.mail.sent
    assert letter.to == EMAIL
    assert await installed.waiting(UNATTACHED) == ()


async def test_a_letter_that_was_asked_for_long_ago_is_not_sent(installed):
    records, attempts = installed.records, installed.sign_in.attempts
    await ask_for_letter(EMAIL, records=records, attempts=attempts)
    installed.clock.now += LIFETIME
    await installed.sweep()
    assert installed.ports.mail.sent == []
    assert await installed.waiting(UNATTACHED) == ()


async def test_a_person_has_one_token_whatever_was_issued_before(installed):
    old = a_reset(person_id=THERAPIST, token_hash=token_hash("a token of before"))
    await installed.write(installed.records.reset_tokens.write(old))
    first, second = await mailed(installed), await mailed(installed)
    (left,) = (await installed.records.access.load(PRACTICE, THERAPIST)).resets
    assert left.token_hash == token_hash(second)
    for ended in (first, "a token of before"):
        with pytest.raises(InvalidInput, match="reset_token"):
            await changed(installed, ended)
    await changed(installed, second)


async def test_letters_asked_for_at_once_leave_one_token(installed):
    await asyncio.gather(*(letter_asked(installed) for _ in range(5)))
    assert len(installed.ports.mail.sent) == 5
    assert len((await installed.records.access.load(PRACTICE, THERAPIST)).resets) == 1


async def test_a_mail_says_nothing_but_the_token(installed):
    token = await mailed(installed)
    letter = installed.ports.mail.sent[0]
    assert letter.to == EMAIL
    for word in ("Olivia", "Hayes", PRACTICE):
        assert word not in letter.subject + letter.body.replace(token, "")


async def test_a_reset_token_expires(installed):
    token = await mailed(installed)
    installed.clock.now += LIFETIME
    with pytest.raises(InvalidInput, match="reset_token"):
        await changed(installed, token)
    assert (await signed_in(installed)).refresh_token


async def test_a_token_changes_one_password_once(installed):
    token = await mailed(installed)
    await changed(installed, token)
    with pytest.raises(InvalidInput, match="reset_token"):
        await changed(installed, token, "a longer new one")
    assert (await signed_in(installed, NEW)).refresh_token
    with pytest.raises(NotSignedIn):
        await signed_in(installed, PASSWORD)


async def test_of_two_at_once_with_one_token_one_changes_the_password(installed):
    token = await mailed(installed)

    async def let_the_other_read(_: str, ids: Sequence[str]) -> None:
        await asyncio.sleep(0)

    installed.store.after_get = let_the_other_read
    results = await asyncio.gather(
        changed(installed, token, "the first new one"),
        changed(installed, token, "the second new one"),
        return_exceptions=True,
    )
    (refused,) = [each for each in results if each is not None]
    assert isinstance(refused, InvalidInput)


async def test_a_password_that_is_too_weak_does_not_use_the_token_up(installed):
    token = await mailed(installed)
    with pytest.raises(InvalidInput):
        await changed(installed, token, "short")
    await changed(installed, token)
    assert (await signed_in(installed, NEW)).refresh_token


@pytest.mark.parametrize(
    "hostile", ["", "a.b", "a.b.c", "~.~.x", "\ud800", "x" * 5_000], ids=range(6)
)
async def test_what_is_no_token_of_ours_changes_nothing(installed, hostile):
    with pytest.raises(InvalidInput, match="reset_token"):
        await changed(installed, hostile)


async def test_a_token_of_one_person_is_good_for_no_other(installed):
    token = await mailed(installed, a_person().email)
    _, _, secret = token.split(".")
    with pytest.raises(InvalidInput, match="reset_token"):
        await changed(installed, f"{PRACTICE}.{THERAPIST}.{secret}")
    assert (await signed_in(installed)).refresh_token


async def test_a_token_without_an_address_still_changes_the_password(installed):
    records, now = installed.records, installed.clock.now
    reset = a_reset(token_hash=token_hash("opaque"), person_id=THERAPIST, expires_at=now + HOUR)
    pointer = OldToken(PRACTICE, THERAPIST, "", reset.expires_at)
    await installed.write(records.reset_tokens.write(reset))
    await installed.write(records.logins.old_tokens.write(reset.token_hash, pointer))
    await changed(installed, "opaque")
    assert (await signed_in(installed, NEW)).refresh_token


async def test_an_account_that_changed_in_the_meantime_still_gets_its_new_password(installed):
    token, people = await mailed(installed), installed.records.people
    raced: list[bool] = []

    async def somebody_first(partition: str, _: Sequence[Write]) -> None:
        if partition == practice_partition(PRACTICE) and not raced:
            raced.append(True)
            stored = await people.load(PRACTICE, THERAPIST)
            after = replace(stored, picture_url="https://example.org/p.png")
            await installed.write(people.write(stored, after))

    installed.store.before_commit = somebody_first
    await changed(installed, token)
    assert (await people.by_email(EMAIL)).picture_url
    assert (await signed_in(installed, NEW)).refresh_token


async def test_a_new_password_ends_logins_devices_and_other_reset_tokens(installed):
    login, other, token = (
        await signed_in(installed),
        await mailed(installed),
        await mailed(installed),
    )
    await changed(installed, token)
    with pytest.raises(NotSignedIn):
        await refreshed(installed, login)
    with pytest.raises(InvalidInput):
        await changed(installed, other, "a longer new one")
    assert await devices_of(PRACTICE, ACTOR.person_id, records=installed.records) == ()


async def test_nobody_elses_login_ends_with_it(installed):
    patient = await signed_in(installed, email=a_person().email)
    await changed(installed, await mailed(installed))
    assert await refreshed(installed, patient)


async def test_a_process_that_dies_after_the_new_password_is_followed_by_the_sweep(installed):
    login, other = await signed_in(installed), await mailed(installed)
    token = await mailed(installed)
    await changed(installed, token, records=installed.dying_writer)
    assert [each.item.what for each in await installed.waiting(ACCESS)] == [
        AccessEnded(THERAPIST, installed.clock.now, epoch=1)
    ]
    installed.clock.advance(seconds=31)
    await installed.sweep()
    assert await installed.waiting(ACCESS) == ()
    with pytest.raises(NotSignedIn):
        await refreshed(installed, login)
    with pytest.raises(InvalidInput):
        await changed(installed, other)
    assert await devices_of(PRACTICE, THERAPIST, records=installed.records) == ()
    assert (await signed_in(installed, NEW)).refresh_token


async def test_what_came_after_the_new_password_stays(installed):
    await changed(installed, await mailed(installed), records=installed.dying_writer)
    installed.clock.advance(seconds=1)
    login, token = await signed_in(installed, NEW), await mailed(installed)
    now = installed.clock.now
    device = a_device(token="token-2", sid="login-2", person_id=THERAPIST, registered_at=now)
    await registered(device, records=installed.records)
    installed.clock.advance(seconds=31)
    await installed.sweep()
    assert await installed.waiting(ACCESS) == ()
    assert await refreshed(installed, login)
    devices = await devices_of(PRACTICE, THERAPIST, records=installed.records)
    assert [each.token for each in devices] == ["token-2"]
    await changed(installed, token, "one more new one")


async def test_a_password_and_the_end_of_access_are_written_together_or_not_at_all(installed):
    login, token = await signed_in(installed), await mailed(installed)

    async def away(partition: str, _: Sequence[Write]) -> None:
        if partition == ACCESS:
            raise Unavailable

    before = await installed.records.people.by_email(EMAIL)
    installed.store.before_commit = away
    with pytest.raises(Unavailable):
        await changed(installed, token)
    installed.store.before_commit = nothing
    assert await installed.records.people.by_email(EMAIL) == before
    assert await installed.waiting(ACCESS) == ()
    assert await refreshed(installed, login)


async def test_more_logins_than_one_commit_can_delete_all_end(installed):
    records = installed.records
    for number in range(2, 152):
        login = a_login(sid=f"login-{number}", person_id=THERAPIST)
        await installed.write(records.logins.write(login))
    await changed(installed, await mailed(installed))
    assert await records.logins.of_person(PRACTICE, THERAPIST) == ()
    assert await installed.waiting(ACCESS) == ()


async def test_a_device_that_moves_to_somebody_else_while_access_ends_stays_with_them(installed):
    theirs = a_device(registered_at=installed.clock.now + DAY)

    async def moved_first(partition: str, writes: Sequence[Write]) -> None:
        if partition.startswith("device|") and writes[0].id == "device":
            installed.store.before_commit = nothing
            await registered(theirs, records=installed.records)

    installed.store.before_commit = moved_first
    await changed(installed, await mailed(installed))
    stored = await installed.records.devices.load(theirs.token)
    assert stored is not None
    assert stored.person_id == theirs.person_id
