"""What `ports.doorbell` promises; that rings may be lost is promised too, but not while one listens."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from therapy.ports.doorbell import Answer, Doorbell, Ring
from therapy.testing.samples import PRACTICE, SESSION

PATIENCE = 5.0


@asynccontextmanager
async def listening(doorbell: Doorbell, answer: Answer) -> AsyncIterator[None]:
    task = asyncio.create_task(doorbell.listen(answer))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
        assert task.done()


async def eventually(done: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await done.wait()


async def test_a_ring_says_which_session_has_work(doorbell: Doorbell) -> None:
    received, rung = list[Ring](), asyncio.Event()

    async def answer(rings: Sequence[Ring]) -> None:
        received.extend(rings)
        rung.set()

    async with listening(doorbell, answer):
        await doorbell.ring(PRACTICE, SESSION)
        await eventually(rung)
    assert received == [(PRACTICE, SESSION)]


async def test_ringing_does_not_wait_for_anyone_to_listen(doorbell: Doorbell) -> None:
    async with asyncio.timeout(PATIENCE):
        await doorbell.ring(PRACTICE, SESSION)


async def test_rings_that_come_during_an_answer_are_answered_together_after_it(
    doorbell: Doorbell,
) -> None:
    answered, begun, may_end, finished = list[Sequence[Ring]](), *(asyncio.Event() for _ in "123")

    async def answer(rings: Sequence[Ring]) -> None:
        answered.append(rings)
        begun.set()
        await may_end.wait()
        if sum(map(len, answered)) == 4:
            finished.set()

    async with listening(doorbell, answer):
        await doorbell.ring(PRACTICE, "first")
        await eventually(begun)
        for session_id in ("a", "b", "b", "c", "a"):
            await doorbell.ring(PRACTICE, session_id)
        await asyncio.sleep(0.05)
        assert len(answered) == 1
        may_end.set()
        await eventually(finished)
    assert [sorted(session_id for _, session_id in rings) for rings in answered] == [
        ["first"],
        ["a", "b", "c"],
    ]


async def test_an_answer_that_fails_ends_nothing_and_is_logged_by_its_class_only(
    doorbell: Doorbell, caplog: pytest.LogCaptureFixture
) -> None:
    failed, rung = asyncio.Event(), asyncio.Event()

    async def answer(rings: Sequence[Ring]) -> None:
        if (PRACTICE, "bad") in rings:
            failed.set()
            raise ValueError("what the patient said")
        rung.set()

    with caplog.at_level(logging.INFO):
        async with listening(doorbell, answer):
            await doorbell.ring(PRACTICE, "bad")
            await eventually(failed)
            await doorbell.ring(PRACTICE, "good")
            await eventually(rung)
    told = [str(record.__dict__) for record in caplog.records]
    assert any("ValueError" in each for each in told)
    assert not any("what the patient said" in each for each in told)


async def test_whoever_stops_listening_waits_for_no_answer(doorbell: Doorbell) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def answer(_: Sequence[Ring]) -> None:
        begun.set()
        await never.wait()

    before = asyncio.get_running_loop().time()
    async with listening(doorbell, answer):
        await doorbell.ring(PRACTICE, SESSION)
        await eventually(begun)
    assert asyncio.get_running_loop().time() - before < PATIENCE
    never.set()
    await asyncio.sleep(0)
