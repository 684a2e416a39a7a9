"""A password change in any order with what races with it: nothing of before is alive."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import PRACTICE, THERAPIST, a_therapist
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import PASSWORD, MemoryInstallation, an_installation
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.domain.errors import NotSignedIn
from therapy.workflows import account_changes, authentication, devices, new_passwords
from therapy.workflows.authentication import SignedIn
from therapy.workflows.devices import devices_of
from therapy.workflows.login_check import require_login

EMAIL = a_therapist().email
NEW = "a long new one"


class Turns:
    """Lets one waiting call go on at a time, in the order that a test chose."""

    def __init__(self, order: list[int]) -> None:
        self._order = order
        self._waiting: list[asyncio.Future[None]] = []

    async def take(self, *_: object) -> None:
        """Wait for a turn."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    async def run(self, *racing: Awaitable[object]) -> list[object]:
        """Return what comes of all, exceptions too."""
        done = asyncio.gather(*racing, return_exceptions=True)
        while not done.done():
            for _ in range(12):  # until each waits for the store again
                await asyncio.sleep(0)
            if self._waiting:
                chosen = self._order.pop() if self._order else 0
                self._waiting.pop(chosen % len(self._waiting)).set_result(None)
        return await done


class Passwords(MemoryPasswords):
    """Takes a turn to check a password, as it takes a while."""

    def __init__(self) -> None:
        self.turn: Callable[[], Awaitable[None]] | None = None

    async def verify(self, password, hashed):
        right = await super().verify(password, hashed)
        if self.turn is not None:
            await self.turn()
        return right


async def signed_in(installed: MemoryInstallation, password: str = PASSWORD) -> SignedIn:
    return await authentication.log_in(
        EMAIL, password, records=installed.records, sign_in=installed.sign_in
    )


async def refreshed(installed: MemoryInstallation, login: SignedIn) -> SignedIn:
    return await authentication.refresh(
        login.refresh_token, records=installed.records, sign_in=installed.sign_in
    )


async def registered(installed: MemoryInstallation, login: SignedIn, name: str) -> None:
    actor = installed.ports.tokens.read(login.access_token, now=installed.clock.now)
    await devices.register_device(
        actor, name, platform="A", user_id=THERAPIST, records=installed.records
    )


async def changed(installed: MemoryInstallation) -> None:
    person = await installed.records.people.by_email(EMAIL)
    hashed = await installed.ports.passwords.hash(NEW)
    await new_passwords.set_password(person, hashed, records=installed.records)


async def disabled(installed: MemoryInstallation) -> None:
    await account_changes.disable(EMAIL, records=installed.records)


async def check_nothing_is_alive(installed: MemoryInstallation, answered: list[SignedIn]) -> None:
    access = await installed.records.access.load(PRACTICE, THERAPIST)
    assert access.logins == ()
    assert await devices_of(PRACTICE, THERAPIST, records=installed.records) == ()
    for login in answered:
        actor = installed.ports.tokens.read(login.access_token, now=installed.clock.now)
        with pytest.raises(NotSignedIn):
            await require_login(actor, records=installed.records)
        with pytest.raises(NotSignedIn):
            await refreshed(installed, login)


@pytest.mark.parametrize("end", [changed, disabled], ids=["change", "disabling"])
@settings(max_examples=30)
@given(order=st.lists(st.integers(0, 6), min_size=20, max_size=60))
def test_whatever_the_order_nothing_of_before_is_alive(end, order):
    async def race() -> None:
        installed = await an_installation(passwords=Passwords())
        first, second = await signed_in(installed), await signed_in(installed)
        turns = Turns(order)
        installed.store.after_get = installed.store.before_commit = turns.take
        installed.ports.passwords.turn = turns.take
        results = await turns.run(
            end(installed),
            signed_in(installed),
            refreshed(installed, first),
            registered(installed, second, "phone"),
            registered(installed, first, "tablet"),
        )
        installed.store.after_get = installed.store.before_commit = nothing
        installed.ports.passwords.turn = None
        failed = [each for each in results if isinstance(each, BaseException)]
        assert [each for each in failed if not isinstance(each, NotSignedIn)] == []
        answered = [each for each in results if isinstance(each, SignedIn)]
        await check_nothing_is_alive(installed, [first, second, *answered])

    asyncio.run(race())
