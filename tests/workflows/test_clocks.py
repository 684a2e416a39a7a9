"""Clocks that are set on, or of two machines that differ: what a worker has claimed stays its own."""

import asyncio
import dataclasses

from tests.builders import MINUTE, PRACTICE, SESSION
from tests.workflows.test_run_worker import beaten, listening, slow_installation
from therapy.domain.session import State
from therapy.repositories.records import Records
from therapy.testing.clock import Clock


async def test_a_worker_whose_clock_is_ahead_keeps_its_run_while_it_beats():
    installed = await slow_installation()
    work = await listening(installed)
    lease = (await installed.run()).lease
    behind = Clock(installed.clock.now - 10 * MINUTE)
    records = Records(installed.store, now=behind, new_id=installed.ports.new_id)
    await dataclasses.replace(installed.worker, records=records).work_on(PRACTICE, SESSION)
    assert (await installed.run()).lease == lease
    installed.ports.engines.speech.go.set()
    await asyncio.wait_for(work, 60)
    assert (await installed.run()).claims == 1
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def test_a_clock_that_is_set_on_by_a_day_ends_no_run():
    installed = await slow_installation()
    work = await listening(installed)
    installed.clock.advance(days=1)
    await beaten(installed)
    installed.ports.engines.speech.go.set()
    await asyncio.wait_for(work, 60)
    assert (await installed.session()).state is State.AWAITING_REVIEW
