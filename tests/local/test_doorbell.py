"""The doorbell inside one process, where nobody listens in it."""

import asyncio

from tests.builders import PRACTICE, SESSION
from therapy.adapters.taskiq import MOST_RINGS, QueueBroker, TaskiqDoorbell


async def test_rings_that_nobody_answers_do_not_pile_up_and_a_late_listener_hears_some():
    doorbell = TaskiqDoorbell(QueueBroker())
    for _ in range(MOST_RINGS + 10):
        await doorbell.ring(PRACTICE, SESSION)
    heard, last = 0, asyncio.Event()

    async def answer(_practice_id: str, _session_id: str) -> None:
        nonlocal heard
        heard += 1
        if heard == MOST_RINGS:
            last.set()

    listening = asyncio.create_task(doorbell.listen(answer, at_once=8))
    async with asyncio.timeout(60):
        await last.wait()
    await asyncio.sleep(0.1)
    listening.cancel()
    await asyncio.wait([listening])
    assert heard == MOST_RINGS
