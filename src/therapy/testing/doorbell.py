"""What `ports.doorbell` promises; that rings may be lost is promised too, but not while one listens."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from therapy.ports.doorbell import Answer, Doorbell
from therapy.testing.samples import PRACTICE, SESSION

PATIENCE = 5.0


@asynccontextmanager
async def listening(doorbell: Doorbell, answer: Answer, at_once: int = 2) -> AsyncIterator[None]:
    task = asyncio.create_task(doorbell.listen(answer, at_once=at_once))
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
    heard, rung = [], asyncio.Event()

    async def answer(practice_id: str, session_id: str) -> None:
        heard.append((practice_id, session_id))
        rung.set()

    async with listening(doorbell, answer):
        await doorbell.ring(PRACTICE, SESSION)
        await eventually(rung)
    assert heard == [(PRACTICE, SESSION)]


async def test_ringing_does_not_wait_for_anyone_to_listen(doorbell: Doorbell) -> None:
    async with asyncio.timeout(PATIENCE):
        await doorbell.ring(PRACTICE, SESSION)


async def test_no_more_rings_are_answered_at_once_than_allowed(doorbell: Doorbell) -> None:
    at_work, most, answered = 0, 0, 0
    finished = asyncio.Event()

    async def answer(practice_id: str, session_id: str) -> None:
        nonlocal at_work, most, answered
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.02)
        at_work -= 1
        answered += 1
        if answered == 6:
            finished.set()

    async with listening(doorbell, answer, at_once=2):
        for number in range(6):
            await doorbell.ring(PRACTICE, f"session-{number}")
        await eventually(finished)
    assert most == 2


async def test_an_answer_that_fails_ends_nothing_and_is_logged_by_its_class_only(
    doorbell: Doorbell, caplog: pytest.LogCaptureFixture
) -> None:
    rung = asyncio.Event()

    async def answer(practice_id: str, session_id: str) -> None:
        if session_id == "bad":
            raise ValueError("what the patient said")
        rung.set()

    with caplog.at_level(logging.INFO):
        async with listening(doorbell, answer, at_once=1):
            await doorbell.ring(PRACTICE, "bad")
            await doorbell.ring(PRACTICE, "good")
            await eventually(rung)
    told = [str(record.__dict__) for record in caplog.records]
    assert any("ValueError" in each for each in told)
    assert not any("what the patient said" in each for each in told)


async def test_whoever_stops_listening_waits_for_no_answer(doorbell: Doorbell) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def answer(practice_id: str, session_id: str) -> None:
        begun.set()
        await never.wait()

    before = asyncio.get_running_loop().time()
    async with listening(doorbell, answer):
        await doorbell.ring(PRACTICE, SESSION)
        await eventually(begun)
    assert asyncio.get_running_loop().time() - before < PATIENCE
    never.set()
    await asyncio.sleep(0)
