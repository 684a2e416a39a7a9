"""What `ports.reservations` promises."""

import asyncio

from tests.builders import OTHER_PRACTICE, PRACTICE
from tests.contract.conftest import Family

KEY = "recording|therapist-1|00ff"


async def test_a_free_key_is_reserved_with_the_value(family: Family) -> None:
    assert await family.reservations.reserve(PRACTICE, KEY, "mine") == "mine"


async def test_the_first_to_reserve_a_key_wins(family: Family) -> None:
    await family.reservations.reserve(PRACTICE, KEY, "first")
    assert await family.reservations.reserve(PRACTICE, KEY, "second") == "first"
    assert await family.reservations.reserve(PRACTICE, KEY, "first") == "first"


async def test_of_those_who_reserve_at_once_all_get_the_same_answer(family: Family) -> None:
    answers = await asyncio.gather(
        *(family.reservations.reserve(PRACTICE, KEY, f"number {at}") for at in range(8))
    )
    assert len(set(answers)) == 1


async def test_practices_do_not_share_keys(family: Family) -> None:
    await family.reservations.reserve(PRACTICE, KEY, "ours")
    assert await family.reservations.reserve(OTHER_PRACTICE, KEY, "theirs") == "theirs"


async def test_keys_differ_in_every_character(family: Family) -> None:
    keys = ["a", "A", "a ", "a/b", "a|b", "a\\b", "ä", "a?b#c%2F", "א" * 500]
    for key in keys:
        assert await family.reservations.reserve(PRACTICE, key, key) == key


async def test_the_expected_value_is_replaced(family: Family) -> None:
    await family.reservations.reserve(PRACTICE, KEY, "old")
    assert await family.reservations.replace(PRACTICE, KEY, "old", "new") is True
    assert await family.reservations.reserve(PRACTICE, KEY, "later") == "new"


async def test_another_value_than_the_expected_one_stays(family: Family) -> None:
    await family.reservations.reserve(PRACTICE, KEY, "mine")
    assert await family.reservations.replace(PRACTICE, KEY, "yours", "new") is False
    assert await family.reservations.reserve(PRACTICE, KEY, "later") == "mine"


async def test_a_key_that_is_free_can_not_be_replaced(family: Family) -> None:
    assert await family.reservations.replace(PRACTICE, KEY, "", "new") is False
    assert await family.reservations.reserve(PRACTICE, KEY, "later") == "later"


async def test_of_those_who_replace_at_once_one_succeeds(family: Family) -> None:
    await family.reservations.reserve(PRACTICE, KEY, "old")
    answers = await asyncio.gather(
        *(family.reservations.replace(PRACTICE, KEY, "old", f"new {at}") for at in range(8))
    )
    assert sorted(answers) == [False] * 7 + [True]


async def test_a_released_key_is_free(family: Family) -> None:
    await family.reservations.reserve(PRACTICE, KEY, "mine")
    await family.reservations.release(PRACTICE, KEY, "mine")
    assert await family.reservations.reserve(PRACTICE, KEY, "next") == "next"


async def test_releasing_what_somebody_else_holds_does_nothing(family: Family) -> None:
    await family.reservations.reserve(PRACTICE, KEY, "mine")
    await family.reservations.release(PRACTICE, KEY, "yours")
    await family.reservations.release(OTHER_PRACTICE, KEY, "mine")
    assert await family.reservations.reserve(PRACTICE, KEY, "later") == "mine"


async def test_releasing_twice_is_no_error(family: Family) -> None:
    await family.reservations.reserve(PRACTICE, KEY, "mine")
    await family.reservations.release(PRACTICE, KEY, "mine")
    await family.reservations.release(PRACTICE, KEY, "mine")
