"""What `ports.logins` promises."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.builders import HOUR, NOW, OTHER_PRACTICE, PATIENT, PRACTICE, SECOND, a_login, a_reset
from tests.contract.conftest import Family
from therapy.domain.errors import NotFound, Stale
from therapy.domain.people import Login, Reset


def rotated(login: Login, refresh_hash: str) -> Login:
    return replace(login, refresh_hash=refresh_hash, previous_hash=login.refresh_hash)


async def test_an_added_login_comes_back_with_version_1(family: Family) -> None:
    assert await family.logins.add(PRACTICE, a_login()) == a_login(version=1)


async def test_a_login_is_found_by_its_present_and_its_previous_token(family: Family) -> None:
    first = await family.logins.add(PRACTICE, a_login())
    second = await family.logins.rotate(PRACTICE, rotated(first, "hash-2"))
    assert await family.logins.by_refresh("hash-2") == second
    assert await family.logins.by_refresh("hash-1") == second


async def test_a_token_before_the_previous_one_finds_nothing(family: Family) -> None:
    login = await family.logins.add(PRACTICE, a_login())
    for refresh_hash in ("hash-2", "hash-3"):
        login = await family.logins.rotate(PRACTICE, rotated(login, refresh_hash))
    with pytest.raises(NotFound):
        await family.logins.by_refresh("hash-1")


@pytest.mark.parametrize("refresh_hash", ["", "unknown"])
async def test_an_unknown_token_finds_nothing(family: Family, refresh_hash: str) -> None:
    await family.logins.add(PRACTICE, a_login())
    with pytest.raises(NotFound):
        await family.logins.by_refresh(refresh_hash)


async def test_a_rotated_login_counts_its_version(family: Family) -> None:
    login = await family.logins.add(PRACTICE, a_login())
    again = await family.logins.rotate(PRACTICE, rotated(login, "hash-2"))
    assert again == replace(rotated(login, "hash-2"), version=2)


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_a_login_with_another_version_than_the_stored_one_is_stale(
    family: Family, version: int
) -> None:
    login = await family.logins.add(PRACTICE, a_login())
    stored = await family.logins.rotate(PRACTICE, rotated(login, "hash-2"))
    with pytest.raises(Stale):
        await family.logins.rotate(PRACTICE, a_login(version=version, refresh_hash="late"))
    assert await family.logins.by_refresh("hash-2") == stored


async def test_a_login_that_is_gone_is_stale(family: Family) -> None:
    login = await family.logins.add(PRACTICE, a_login())
    await family.logins.end(PRACTICE, login.sid)
    with pytest.raises(Stale):
        await family.logins.rotate(PRACTICE, rotated(login, "hash-2"))
    with pytest.raises(NotFound):
        await family.logins.by_refresh("hash-2")


async def test_of_two_that_rotate_at_once_one_is_stale(family: Family) -> None:
    login = await family.logins.add(PRACTICE, a_login())
    results = await asyncio.gather(
        *(family.logins.rotate(PRACTICE, rotated(login, f"new-{at}")) for at in range(4)),
        return_exceptions=True,
    )
    assert [type(each) for each in results].count(Stale) == 3


async def test_a_login_that_has_ended_is_not_found(family: Family) -> None:
    await family.logins.add(PRACTICE, a_login())
    await family.logins.add(PRACTICE, a_login(sid="login-2", refresh_hash="other"))
    await family.logins.end(PRACTICE, "login-1")
    with pytest.raises(NotFound):
        await family.logins.by_refresh("hash-1")
    assert (await family.logins.by_refresh("other")).sid == "login-2"


async def test_ending_twice_or_from_another_practice_is_no_error(family: Family) -> None:
    await family.logins.add(PRACTICE, a_login())
    await family.logins.end(OTHER_PRACTICE, "login-1")
    assert (await family.logins.by_refresh("hash-1")).sid == "login-1"
    await family.logins.end(PRACTICE, "login-1")
    await family.logins.end(PRACTICE, "login-1")


async def test_all_logins_and_resets_of_a_person_end_together(family: Family) -> None:
    for at in range(3):
        await family.logins.add(PRACTICE, a_login(sid=f"login-{at}", refresh_hash=f"hash-{at}"))
    await family.logins.add_reset(PRACTICE, a_reset())
    await family.logins.end_all(PRACTICE, PATIENT)
    await family.logins.end_all(PRACTICE, PATIENT)
    for at in range(3):
        with pytest.raises(NotFound):
            await family.logins.by_refresh(f"hash-{at}")
    with pytest.raises(NotFound):
        await family.logins.reset("reset-1", NOW)


async def test_ending_all_touches_nobody_else(family: Family) -> None:
    await family.logins.add(PRACTICE, a_login())
    await family.logins.add_reset(PRACTICE, a_reset())
    await family.logins.end_all(PRACTICE, "somebody-else")
    await family.logins.end_all(OTHER_PRACTICE, PATIENT)
    assert (await family.logins.by_refresh("hash-1")).sid == "login-1"
    assert await family.logins.reset("reset-1", NOW) == a_reset()


async def test_a_reset_token_can_be_looked_at_any_number_of_times(family: Family) -> None:
    await family.logins.add_reset(PRACTICE, a_reset())
    for _ in range(2):
        assert await family.logins.reset("reset-1", NOW) == a_reset()


@pytest.mark.parametrize("token_hash", ["", "unknown"])
async def test_an_unknown_reset_token_is_not_found(family: Family, token_hash: str) -> None:
    await family.logins.add_reset(PRACTICE, a_reset())
    with pytest.raises(NotFound):
        await family.logins.reset(token_hash, NOW)
    with pytest.raises(NotFound):
        await family.logins.use_reset(token_hash, NOW)


async def test_a_reset_token_is_good_until_it_expires(family: Family) -> None:
    await family.logins.add_reset(PRACTICE, a_reset())
    end = NOW + HOUR
    assert await family.logins.reset("reset-1", end - SECOND) == a_reset()
    with pytest.raises(NotFound):
        await family.logins.reset("reset-1", end)
    with pytest.raises(NotFound):
        await family.logins.use_reset("reset-1", end)


async def test_a_used_reset_token_is_not_found(family: Family) -> None:
    await family.logins.add_reset(PRACTICE, a_reset())
    assert await family.logins.use_reset("reset-1", NOW) == a_reset()
    with pytest.raises(NotFound):
        await family.logins.reset("reset-1", NOW)


async def test_of_those_who_use_a_reset_token_at_once_one_gets_it(family: Family) -> None:
    await family.logins.add_reset(PRACTICE, a_reset())
    results = await asyncio.gather(
        *(family.logins.use_reset("reset-1", NOW) for _ in range(4)), return_exceptions=True
    )
    assert [type(each) for each in results].count(NotFound) == 3
    assert [type(each) for each in results].count(Reset) == 1
