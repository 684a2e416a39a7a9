"""Whether a login is alive: how often the store is asked, and what is so while it is away."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, THERAPIST
from tests.logins import LOGIN, has_login
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import ACTOR, MemoryInstallation, an_installation
from therapy.domain.errors import NotSignedIn, Unavailable
from therapy.workflows.end_of_access import end_login
from therapy.workflows.login_check import LoginCheck


@pytest.fixture
async def installed() -> MemoryInstallation:
    return await an_installation()


async def test_the_store_is_asked_about_a_login_once_in_three_seconds_however_many_ask(installed):
    check, store = LoginCheck(installed.records), installed.store
    store.forget_reads()
    await asyncio.gather(*(check.require(ACTOR) for _ in range(20)))
    for _ in range(20):
        await check.require(ACTOR)
    assert len(store.gets) == 1
    installed.clock.advance(seconds=3)
    await check.require(ACTOR)
    assert len(store.gets) == 2
    installed.clock.advance(days=-1)  # the clock was set back
    await check.require(ACTOR)
    assert len(store.gets) == 3


async def test_a_process_remembers_a_bounded_number_of_logins(installed):
    check = LoginCheck(installed.records, most=2)
    sids = (LOGIN, "login-2", "login-3")
    await has_login(PRACTICE, THERAPIST, *sids, records=installed.records)
    for sid in sids:
        await check.require(replace(ACTOR, sid=sid))
    installed.store.forget_reads()
    for sid in reversed(sids):
        await check.require(replace(ACTOR, sid=sid))
    assert len(installed.store.gets) == 1


async def test_while_the_store_is_away_a_login_goes_on_until_it_must_be_asked_about_again(
    installed,
):
    check = LoginCheck(installed.records)
    await check.require(ACTOR)

    async def away(_: str, __: Sequence[object]) -> None:
        raise Unavailable

    installed.store.after_get = away
    installed.clock.advance(seconds=2)
    await check.require(ACTOR)
    installed.clock.advance(seconds=1)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await check.require(ACTOR)
    installed.store.after_get = nothing
    await check.require(ACTOR)


async def test_one_that_stops_waiting_for_the_store_takes_the_answer_from_nobody(installed):
    check, held = LoginCheck(installed.records), asyncio.Event()

    async def hold(_: str, __: Sequence[object]) -> None:
        await held.wait()

    installed.store.after_get = hold
    first, second = (asyncio.create_task(check.require(ACTOR)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    held.set()
    await second
    assert first.cancelled()


async def test_a_login_is_refused_at_once_by_the_process_that_ended_it_and_soon_by_others(
    installed,
):
    """Another process is another `Records` over the same store."""
    here, there = LoginCheck(installed.records), LoginCheck(installed.dying_writer)
    login = await installed.records.logins.load(PRACTICE, THERAPIST, LOGIN)
    for check in (here, there):
        await check.require(ACTOR)
    await end_login(login, records=installed.records)
    with pytest.raises(NotSignedIn):
        await here.require(ACTOR)
    installed.clock.advance(seconds=5)
    with pytest.raises(NotSignedIn):
        await there.require(ACTOR)


async def test_a_login_that_ends_while_the_store_is_asked_about_it_is_not_remembered(installed):
    check, held = LoginCheck(installed.records), asyncio.Event()
    login = await installed.records.logins.load(PRACTICE, THERAPIST, LOGIN)

    async def hold(_: str, __: Sequence[object]) -> None:
        await held.wait()

    installed.store.after_get = hold
    asking = asyncio.create_task(check.require(ACTOR))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ending = asyncio.create_task(end_login(login, records=installed.records))
    installed.store.after_get = nothing
    await ending
    held.set()
    await asking  # it was sent before the end
    with pytest.raises(NotSignedIn):
        await check.require(ACTOR)
