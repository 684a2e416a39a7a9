"""Requests under one key on two replicas, over the stores of each family."""

import asyncio
from typing import Any

import msgspec
import pytest

from tests.builders import DAY, SECOND, an_actor
from tests.repositories.changes import at_once
from therapy.domain.errors import UnderWay
from therapy.domain.idempotency import KeyedRequest, StoredAnswer
from therapy.domain.partition_keys import part
from therapy.repositories.records import Records
from therapy.testing.clock import Clock
from therapy.workflows.idempotency import Idempotency

OPERATION = "retry_session"
ANSWER = StoredAnswer(202, (("content-type", "application/json"),), b'{"message":"\xd7\x90"}')


def over(records: Records) -> Idempotency:
    return Idempotency(records, lease=30 * SECOND)


def claim(records: Records, key: str = "key-1", **who: Any) -> Any:
    return over(records).claim(an_actor(**who), OPERATION, key)


async def done(records: Records, claimed: KeyedRequest) -> None:
    async with over(records).attempt(claimed) as attempt:
        attempt.done(ANSWER, fingerprint="f" * 64, size=7)


async def test_of_many_attempts_at_once_on_two_replicas_one_is_made(records, replica):
    sides = (records, replica) * 4
    won, refused = await at_once(*(claim(each) for each in sides))
    assert (len(won), refused) == (1, [UnderWay] * 7)


async def test_an_answer_is_found_on_another_replica_as_it_was(records, replica):
    await done(records, await claim(records))
    found = await claim(replica)
    assert (found.answer, found.fingerprint, found.size) == (ANSWER, "f" * 64, 7)


async def test_a_key_is_one_persons_for_one_operation(records):
    await done(records, await claim(records))
    others = [await claim(records, person_id="somebody-else"), await claim(records, key="key-2")]
    others += [await over(records).claim(an_actor(), "another", "key-1")]
    others += [await claim(records, practice_id="practice-2")]
    assert [each.answer for each in others] == [None] * 4


async def test_after_a_day_a_key_is_free_and_nothing_of_it_is_stored(records, clock):
    await done(records, await claim(records))
    clock.now += DAY
    await records.store.purge(10)
    assert (await claim(records)).version == 1


async def test_the_claim_of_a_dead_process_ends_and_what_it_wakes_up_to_say_is_not_kept(
    records: Records, replica: Records, clock: Clock
):
    dead = await claim(records)
    clock.advance(seconds=29)
    with pytest.raises(UnderWay, match=r"retry_after=1$"):
        await claim(replica)
    clock.advance(seconds=1)
    second = await claim(replica)
    await done(records, dead)
    assert second.answer is None
    with pytest.raises(UnderWay, match=r"retry_after=30$"):
        await claim(records)
    await done(replica, second)
    assert (await claim(records)).answer == ANSWER


async def test_the_key_itself_is_not_stored(records: Records):
    claimed = await claim(records, key="a-key-that-nobody-may-read")
    stored = [item async for item in records.keyed_requests.items(_partition(claimed), "")]
    assert len(stored) == 1
    assert "nobody" not in repr(stored)


def _partition(request: KeyedRequest) -> str:
    return f"requests|{request.practice_id}|{request.person_id}"


async def test_a_long_request_is_still_under_way_on_another_replica(
    replica: Records, records: Records, clock: Clock
):
    brief = Idempotency(records, lease=SECOND / 10)
    claimed = await brief.claim(an_actor(), OPERATION, "key-1")
    async with brief.attempt(claimed):
        clock.advance(seconds=60)
        while (await _stored(records, claimed)).running_until < clock.now:  # noqa: ASYNC110 - by the real clock
            await asyncio.sleep(0.01)
        with pytest.raises(UnderWay):
            await claim(replica)
    assert (await claim(replica)).answer is None


async def test_an_attempt_that_fails_or_is_stopped_leaves_its_key_to_the_next(records, replica):
    for error in (ValueError, asyncio.CancelledError):
        with pytest.raises(error):
            async with over(records).attempt(await claim(records)):
                raise error
    assert (await claim(replica)).answer is None


async def _stored(records: Records, claimed: KeyedRequest) -> KeyedRequest:
    stored = await records.keyed_requests.load(claimed)
    assert stored is not None
    return stored


async def test_a_request_is_stored_as_programs_up_to_49e7ce41_store_it(records: Records):
    """They read no other record, and find it under no other name."""
    claimed = await claim(records)
    [item] = [each async for each in records.keyed_requests.items(_partition(claimed), "")]
    assert item.id == f"request-{part(OPERATION)}|{part(claimed.key_hash)}"
    assert msgspec.json.decode(item.body)["route"] == OPERATION
