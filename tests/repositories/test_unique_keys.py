"""What `repositories.unique_keys` promises."""

import pytest
from msgspec.structs import replace

from tests.builders import DAY, NOW, OTHER_PRACTICE, PRACTICE, SECOND
from tests.repositories.changes import NO_UNICODE, ODD_IDS, at_once, commit
from therapy.domain.errors import AlreadyExists, InvalidInput, Stale
from therapy.repositories.records import Records
from therapy.repositories.unique_keys import UniqueKey
from therapy.testing.clock import Clock

KEY = "recording|therapist-1|00ff"


async def take(
    records: Records, value: str, *, practice: str = PRACTICE, key: str = KEY, version: int = 0
) -> None:
    wanted = UniqueKey(practice, key, value, version=version)
    await commit(records, records.unique_keys.take(wanted))


async def held(records: Records, practice_id: str = PRACTICE) -> UniqueKey:
    """Return the key, which must be there."""
    found = await records.unique_keys.load(practice_id, KEY)
    assert found is not None
    return found


async def hand_over(records: Records, key: UniqueKey, value: str) -> None:
    await commit(records, records.unique_keys.hand_over(key, value))


async def free(records: Records, key: UniqueKey) -> None:
    await commit(records, records.unique_keys.free(key, until=NOW + DAY))


async def test_a_free_key_is_taken_with_the_value(records: Records) -> None:
    assert await records.unique_keys.load(PRACTICE, KEY) is None
    await take(records, "mine")
    assert await held(records) == UniqueKey(PRACTICE, KEY, "mine", version=1)


@pytest.mark.parametrize("value", ["second", "first"])
async def test_the_first_to_take_a_key_has_it(records: Records, value: str) -> None:
    await take(records, "first")
    with pytest.raises(AlreadyExists):
        await take(records, value)
    assert await held(records) == UniqueKey(PRACTICE, KEY, "first", version=1)


async def test_of_those_who_take_a_key_at_once_one_has_it(
    records: Records, replica: Records
) -> None:
    won, failed = await at_once(
        *(take(each, f"number {at}") for at, each in enumerate([records, replica] * 4))
    )
    assert failed == [AlreadyExists] * 7
    assert (await held(replica)).value == f"number {won[0]}"


async def test_practices_do_not_share_keys(records: Records) -> None:
    await take(records, "ours")
    await take(records, "theirs", practice=OTHER_PRACTICE)
    assert (await held(records)).value == "ours"
    assert (await held(records, OTHER_PRACTICE)).value == "theirs"


async def test_keys_differ_in_every_character(records: Records) -> None:
    keys = (*ODD_IDS, NO_UNICODE, "said \ud801", "said ?")  # a key is only ever a name
    for key in keys:
        await take(records, f"of {key!r}", key=key)
    for key in keys:
        found = await records.unique_keys.load(PRACTICE, key)
        assert found == UniqueKey(PRACTICE, key, f"of {key!r}", version=1)


async def test_practice_and_key_never_run_into_each_other(records: Records) -> None:
    pairs = [("a", "b|c"), ("a|b", "c"), ("session|a", "b"), ("~a", "b"), ("a", "~b")]
    for practice_id, key in pairs:
        await take(records, "mine", practice=practice_id, key=key)


async def test_a_key_is_handed_over_as_it_was_read(records: Records) -> None:
    await take(records, "old")
    await hand_over(records, await held(records), "new")
    assert await held(records) == UniqueKey(PRACTICE, KEY, "new", version=2)
    with pytest.raises(AlreadyExists):
        await take(records, "later")


async def test_what_has_changed_meanwhile_is_neither_handed_over_nor_freed(
    records: Records,
) -> None:
    await take(records, "old")
    read = await held(records)
    await hand_over(records, read, "mine")
    for call in (hand_over(records, read, "yours"), free(records, read)):
        with pytest.raises(Stale):
            await call
    assert (await held(records)).value == "mine"


async def test_a_key_that_nobody_ever_had_can_not_be_handed_over_or_freed(
    records: Records,
) -> None:
    never = UniqueKey(PRACTICE, KEY, "", version=1)
    for call in (hand_over(records, never, "new"), free(records, never)):
        with pytest.raises(Stale):
            await call
    assert await records.unique_keys.load(PRACTICE, KEY) is None


async def test_of_those_who_hand_over_at_once_one_does(records: Records, replica: Records) -> None:
    await take(records, "old")
    read = await held(records)
    won, failed = await at_once(
        *(hand_over(each, read, f"new {at}") for at, each in enumerate([records, replica] * 4))
    )
    assert failed == [Stale] * 7
    assert (await held(replica)).value == f"new {won[0]}"


async def test_a_freed_key_can_be_taken_again_by_one_who_knows_it_is_free(
    records: Records, replica: Records
) -> None:
    await take(records, "mine")
    await free(records, await held(records))
    freed = await held(records)
    assert freed == UniqueKey(PRACTICE, KEY, "", NOW + DAY, version=2)
    won, failed = await at_once(
        *(
            take(each, f"next {at}", version=freed.version)
            for at, each in enumerate([records, replica] * 3)
        )
    )
    assert failed == [AlreadyExists] * 5
    assert await held(replica) == UniqueKey(PRACTICE, KEY, f"next {won[0]}", version=3)


async def test_a_late_holder_matches_nothing_once_its_key_was_freed_and_taken_again(
    records: Records,
) -> None:
    await take(records, "mine")
    late = await held(records)
    await free(records, late)
    await take(records, "next", version=2)
    for call in (hand_over(records, late, "mine"), free(records, late)):
        with pytest.raises(Stale):
            await call
    assert (await held(records)).value == "next"


async def test_a_freed_key_is_forgotten_after_a_while_and_a_taken_one_never(
    records: Records, clock: Clock
) -> None:
    await take(records, "mine")
    await free(records, await held(records))
    await take(records, "kept", key="other")
    clock.now = NOW + DAY - SECOND
    assert (await held(records)).value == ""
    clock.now = NOW + 1000 * DAY
    assert await records.unique_keys.load(PRACTICE, KEY) is None
    await take(records, "anew")
    other = await records.unique_keys.load(PRACTICE, "other")
    assert other is not None
    assert other.value == "kept"


async def test_a_key_may_be_taken_for_a_while_only(records: Records, clock: Clock) -> None:
    wanted = UniqueKey(PRACTICE, KEY, "mine", expires_at=NOW + DAY)
    await commit(records, records.unique_keys.take(wanted))
    assert await held(records) == replace(wanted, version=1)
    await hand_over(records, await held(records), "yours")
    assert (await held(records)).expires_at == NOW + DAY
    clock.now = NOW + DAY
    assert await records.unique_keys.load(PRACTICE, KEY) is None
    await take(records, "next")


async def test_a_value_that_is_no_unicode_is_refused_without_quoting_it(records: Records) -> None:
    with pytest.raises(InvalidInput) as caught:
        await take(records, NO_UNICODE)
    assert "said" not in str(caught.value)
    assert await records.unique_keys.load(PRACTICE, KEY) is None
