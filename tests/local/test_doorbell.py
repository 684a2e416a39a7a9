"""The doorbell inside one process, where nobody listens in it."""

import asyncio
from collections.abc import Sequence

from tests.builders import PRACTICE
from therapy.adapters.local.doorbell import MOST_RINGS, LocalDoorbell
from therapy.ports.doorbell import Ring


async def received_by_a_late_listener(doorbell: LocalDoorbell) -> Sequence[Ring]:
    received, told = list[Ring](), asyncio.Event()

    async def answer(rings: Sequence[Ring]) -> None:
        received.extend(rings)
        told.set()

    listening = asyncio.create_task(doorbell.listen(answer))
    async with asyncio.timeout(60):
        await told.wait()
    await asyncio.sleep(0.1)
    listening.cancel()
    await asyncio.wait([listening])
    return received


async def test_rings_that_nobody_answers_do_not_pile_up_and_a_late_listener_receives_some():
    doorbell = LocalDoorbell()
    sessions = [f"session-{number}" for number in range(MOST_RINGS + 10)]
    for session_id in sessions:
        await doorbell.ring(PRACTICE, session_id)
    received = await received_by_a_late_listener(doorbell)
    assert received == [(PRACTICE, each) for each in sessions[:MOST_RINGS]]


async def test_a_session_that_was_rung_for_often_is_received_once():
    doorbell = LocalDoorbell()
    for session_id in ("often", "once", "often", "often"):
        await doorbell.ring(PRACTICE, session_id)
    assert await received_by_a_late_listener(doorbell) == [(PRACTICE, "often"), (PRACTICE, "once")]
