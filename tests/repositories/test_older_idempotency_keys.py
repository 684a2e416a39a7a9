"""Keys during an upgrade: a program up to commit 49e7ce41 runs beside this one, on stores of each family.

The older one knows a request only by the template of its path. Its repository stands here as it was.
"""

from datetime import datetime
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import asdict

from tests.builders import DAY, SECOND, an_actor
from tests.repositories.changes import at_once
from therapy.domain.errors import UnderWay
from therapy.domain.idempotency import KeyedRequest, StoredAnswer
from therapy.domain.partition_keys import key as name
from therapy.domain.partition_keys import part
from therapy.ports.store import Item
from therapy.repositories.change import Pending
from therapy.repositories.idempotency_keys import KeyedRequests
from therapy.repositories.records import Records
from therapy.testing.clock import Clock
from therapy.workflows.idempotency import Idempotency

OPERATION, ROUTE = "retry_session", "/sessions/{session_id}/retry"
ANSWER = StoredAnswer(202, body=b"of the older program")


class OlderRequest(Struct, frozen=True, omit_defaults=True):
    """A request as an older program stores it: without `operation`, and not readable without `route`."""

    practice_id: str
    person_id: str
    route: str
    key_hash: str
    holder: str
    running_until: datetime
    expires_at: datetime
    fingerprint: str = ""
    size: int = 0
    answer: StoredAnswer | None = None
    version: int = 0


class OlderRequests(KeyedRequests):
    """The repository of the older program."""

    struct = OlderRequest

    def read(self, item: Item) -> KeyedRequest:
        """Return what it would read."""
        found: Any = super().read(item)
        return KeyedRequest(**asdict(found))

    async def load(self, like: KeyedRequest) -> KeyedRequest | None:
        return await self.get(_partition(like), _id(like))

    def writes(self, request: KeyedRequest) -> tuple[Pending, ...]:
        told = {each: getattr(request, each) for each in OlderRequest.__struct_fields__}
        record: Any = OlderRequest(**told)
        return (self.save(_partition(request), _id(request), record, request.version),)


def _partition(request: KeyedRequest) -> str:
    return name("requests", request.practice_id, request.person_id)


def _id(request: KeyedRequest) -> str:
    return f"request-{part(request.route)}|{part(request.key_hash)}"


@pytest.fixture
def older(replica: Records) -> Records:
    """The records of a replica that runs the older program."""
    replica.keyed_requests = OlderRequests(replica.store)
    return replica


def over(records: Records) -> Idempotency:
    return Idempotency(records, lease=30 * SECOND)


def claim(records: Records) -> Any:
    return over(records).claim(an_actor(), OPERATION, "key-1", route=ROUTE)


async def end(records: Records, claimed: KeyedRequest, answer: StoredAnswer | None) -> None:
    async with over(records).attempt(claimed) as attempt:
        if answer is not None:
            attempt.done(answer, fingerprint="f", size=1)


def sides(records: Records, older: Records, first: str) -> tuple[Records, Records]:
    return (records, older) if first == "this" else (older, records)


programs = pytest.mark.parametrize("first", ["this", "older"])


@programs
async def test_what_one_program_has_answered_the_other_repeats(records, older, first):
    one, other = sides(records, older, first)
    claimed = await claim(one)
    with pytest.raises(UnderWay):
        await claim(other)
    await end(one, claimed, ANSWER)
    assert (await claim(other)).answer == ANSWER
    assert (await claim(one)).answer == ANSWER


async def test_of_attempts_at_once_on_both_programs_one_is_made(records, older):
    won, refused = await at_once(*(claim(each) for each in (records, older) * 4))
    assert (len(won), refused) == (1, [UnderWay] * 7)


@programs
async def test_what_failed_or_died_on_one_is_done_on_the_other_and_then_repeated(
    records: Records, older: Records, clock: Clock, first: str
):
    one, other = sides(records, older, first)
    await end(one, await claim(one), None)
    died = await claim(other)
    clock.advance(seconds=30)
    second = await claim(one)
    await end(other, died, StoredAnswer(500))  # it wakes up, and has lost its claim
    with pytest.raises(UnderWay):
        await claim(other)
    await end(one, second, ANSWER)
    assert [(await claim(each)).answer for each in (records, older)] == [ANSWER, ANSWER]


async def test_what_is_kept_for_a_day_is_forgotten_by_both(records, older, clock):
    await end(records, await claim(records), ANSWER)
    clock.now += DAY
    assert (await claim(older)).answer is None
    clock.advance(seconds=30)
    assert (await claim(records)).answer is None


async def test_a_request_stays_once_older_programs_are_gone_and_the_path_is_called_otherwise(
    records,
):
    await end(records, await claim(records), ANSWER)
    for route in ("", "/sessions/{id}/retry"):
        found = await over(records).claim(an_actor(), OPERATION, "key-1", route=route)
        assert found.answer == ANSWER
