"""Keys under any sequence of attempts, beside a model that is a dict; and a crash at each write of one.

Attempts are made on two replicas, end, fail, die, and are late, while a clock moves on that a test moves.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.builders import DAY, NOW, SECOND, an_actor
from tests.workflows.interrupted_ports import InterruptedStore
from tests.workflows.memory_installation import some_records
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import Unavailable, UnderWay
from therapy.domain.idempotency import KeyedRequest, StoredAnswer
from therapy.testing.clock import Clock
from therapy.workflows.idempotency import Idempotency

T = TypeVar("T")
LEASE = 30 * SECOND
OPERATION = "retry_session"

sides = st.sampled_from([0, 1])
keys = st.sampled_from(["key-1", "key-2"])
picks = st.integers(0, 20)
pauses = st.sampled_from([SECOND, 29 * SECOND, LEASE, DAY - LEASE, DAY])


class Known(NamedTuple):
    """What the model knows of a key: who has it until when, when it is forgotten, and its answer's status."""

    holder: str
    until: datetime
    expires_at: datetime
    status: int = 0


class Keys(RuleBasedStateMachine):
    """Claims of two replicas over one store."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock(NOW)
        store = MemoryStore(self.clock)
        records = [some_records(self.clock, store) for _ in range(2)]
        self.replicas = [Idempotency(each, lease=LEASE, kept_for=DAY) for each in records]
        self.known: dict[str, Known] = {}
        self.open: list[tuple[str, KeyedRequest]] = []

    def teardown(self) -> None:
        self.loop.close()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def live(self, key: str) -> Known | None:
        known = self.known.get(key)
        return known if known and self.clock.now < known.expires_at else None

    @rule(side=sides, key=keys)
    def somebody_asks(self, side: int, key: str) -> None:
        known, now = self.live(key), self.clock.now
        asking = self.replicas[side].claim(an_actor(), OPERATION, key)
        if known and not known.status and now < known.until:
            with pytest.raises(UnderWay) as refused:
                self.wait(asking)
            assert 0 <= int(refused.value.details["retry_after"]) - (known.until - now) / SECOND < 1
            return
        found = self.wait(asking)
        if known and known.status:
            assert found.answer == StoredAnswer(known.status)
            return
        assert found.answer is None
        self.known[key] = Known(found.holder, now + LEASE, now + DAY)
        self.open.append((key, found))

    @rule(side=sides, pick=picks, status=st.sampled_from([200, 202, 204]))
    def an_attempt_ends(self, side: int, pick: int, status: int) -> None:
        self.end(side, pick, status)

    @rule(side=sides, pick=picks)
    def an_attempt_fails(self, side: int, pick: int) -> None:
        self.end(side, pick, 0)

    @rule(pick=picks)
    def an_attempt_dies(self, pick: int) -> None:
        if self.open:
            self.open.pop(pick % len(self.open))

    @rule(pause=pauses)
    def time_goes_on(self, pause: Any) -> None:
        self.clock.now += pause

    def end(self, side: int, pick: int, status: int) -> None:
        if not self.open:
            return
        key, claimed = self.open.pop(pick % len(self.open))
        self.wait(over(self.replicas[side], claimed, status))
        known = self.live(key)
        if known and known.holder == claimed.holder:
            self.known[key] = known._replace(until=self.clock.now, status=status)


async def over(replica: Idempotency, claimed: KeyedRequest, status: int) -> None:
    """Let an attempt end, with an answer if it has a status."""
    async with replica.attempt(claimed) as attempt:
        if status:
            attempt.done(StoredAnswer(status), fingerprint="f", size=1)


def test_a_key_is_one_attempts_at_a_time_and_its_answer_stays_for_a_day():
    run_state_machine_as_test(
        Keys,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class Crash(Exception):
    """The process dies here."""


@pytest.mark.parametrize("failure", [Crash(), Unavailable()])
@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("at", [1, 2])
async def test_a_crash_at_any_write_leaves_a_key_that_answers_or_can_be_claimed(
    at: int, is_written: bool, failure: Exception
):
    clock, writes = Clock(NOW), 0
    store = InterruptedStore(MemoryStore(clock))
    replica = Idempotency(some_records(clock, store), lease=LEASE)

    async def die(*_: Any) -> None:
        nonlocal writes
        writes += 1
        if writes == at:
            raise failure

    setattr(store, "after_commit" if is_written else "before_commit", die)
    is_done = at == 2 and isinstance(failure, Unavailable)  # then its sender is told so
    with nullcontext() if is_done else pytest.raises(type(failure)):
        await over(replica, await replica.claim(an_actor(), OPERATION, "key-1"), 202)
    clock.now += LEASE
    found = await replica.claim(an_actor(), OPERATION, "key-1")
    assert (found.answer is not None) == (at == 2 and is_written)
