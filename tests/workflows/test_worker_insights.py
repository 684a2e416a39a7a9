"""The worker's tasks for insights: sessions never wait for them, and they never wait for a session."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from tests.builders import SESSION, a_wav
from tests.workflows.interrupted_ports import InterruptedStore
from tests.workflows.memory_installation import (
    ACTOR,
    SCRIPT,
    MemoryInstallation,
    an_installation,
    begun,
    upload,
)
from tests.workflows.test_insights_runs import HeldInsights, ScriptedInsights, status, tried_again
from therapy.adapters.memory.speech import MemorySpeech
from therapy.adapters.memory.store import MemoryStore
from therapy.config import read_settings
from therapy.domain.insights import Gap, Insights, Part
from therapy.domain.insights_status import InsightsStatus
from therapy.domain.run import Run, RunKind, RunState
from therapy.domain.session import State
from therapy.entrypoints.worker import working
from therapy.repositories.runs import run_queue
from therapy.testing.clock import Clock
from therapy.wiring import Therapy
from therapy.workflows import rerun, review

PATIENCE = 60.0
INSIGHTS_AT_ONCE = 8
"""Of `THERAPY_INSIGHTS_AT_ONCE`, if nothing else is set."""

LACKING = Insights(key_phrases=("sleep",), gaps=(Gap(Part.SUMMARY, "engine_failed"),))


class HeldSpeech(MemorySpeech):
    """Recognises nothing before it is released, once `held` is set; says when it was asked."""

    def __init__(self) -> None:
        super().__init__(SCRIPT)
        self.held = False
        self.asked, self.released = asyncio.Event(), asyncio.Event()

    async def transcribe(self, practice_id, pcm, options):
        if self.held:
            self.asked.set()
            await self.released.wait()
        async for event in super().transcribe(practice_id, pcm, options):
            yield event


class CountingStore(InterruptedStore):
    """Counts how often it was asked for due insights alone; the first `faults` times it has a bug."""

    looks, faults = 0, 0

    async def due(self, queues, *arguments):
        if list(queues) == [run_queue(RunKind.INSIGHTS)]:
            self.looks += 1
            if self.looks <= self.faults:
                raise RuntimeError("a bug")
        return await super().due(queues, *arguments)


@asynccontextmanager
async def one_place(installed: MemoryInstallation, sweep_every: timedelta):
    """Work as a worker does that has one place for sessions and eight for insights."""
    settings = replace(read_settings({"CELERY_CONCURRENCY": "1"}), sweep_every=sweep_every)
    async with working(Therapy(installed.installation, settings, Path(), {})):
        yield


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110 - several tasks may make it true
            await asyncio.sleep(0.01)


async def test_insights_are_found_while_every_place_of_a_worker_is_taken_by_a_long_session():
    speech = HeldSpeech()
    installed = await an_installation(speech=speech, insights=ScriptedInsights(LACKING))
    await begun(installed)
    await installed.work()
    await installed.work()
    speech.held = True

    async def all_are_there() -> bool:
        view = await review.look(ACTOR, SESSION, records=installed.records)
        return view.insights.status is InsightsStatus.READY and not view.transcript.insights.gaps

    async with one_place(installed, timedelta(milliseconds=50)):
        await upload(installed.intake)
        await speech.asked.wait()
        await tried_again(installed)  # nobody is free to hear its ring
        assert await status(installed) == (InsightsStatus.PENDING, "")
        await until(all_are_there)
        assert not speech.released.is_set()


async def all_done(installed: MemoryInstallation, session_id: str) -> None:
    """Return once a session was transcribed and its insights were found."""

    async def is_done() -> bool:
        kinds = {run.kind for run in await installed.runs(session_id) if run.over}
        return kinds == {RunKind.TRANSCRIBE, RunKind.INSIGHTS}

    await until(is_done)


async def test_what_is_due_is_looked_up_a_few_times_for_a_session_and_not_by_every_task():
    store = CountingStore(MemoryStore(Clock()))
    installed = await an_installation(store=store)
    async with one_place(installed, timedelta(hours=1)):
        await all_done(installed, (await upload(installed.intake)).session_id)
    assert store.looks <= 8, store.looks


async def test_whatever_goes_wrong_when_they_are_looked_up_the_next_sweep_has_them_found():
    store = CountingStore(MemoryStore(Clock()))
    store.faults = 4
    installed = await an_installation(store=store)
    async with one_place(installed, timedelta(milliseconds=50)):
        await all_done(installed, (await upload(installed.intake)).session_id)
    assert store.looks > store.faults


async def test_a_worker_looks_for_insights_in_as_many_sessions_at_once_as_are_allowed():
    insights = HeldInsights()
    installed = await an_installation(insights=insights)
    ids = [
        (await upload(installed.intake, a_wav(bytes([number, 0]) * 4_000))).session_id
        for number in range(1, 11)
    ]
    async with one_place(installed, timedelta(milliseconds=50)):

        async def are_all_in_review() -> bool:
            sessions = [await installed.session(each) for each in ids]
            return all(each.state is State.AWAITING_REVIEW for each in sessions)

        await until(are_all_in_review)
        assert insights.times == INSIGHTS_AT_ONCE
        insights.released.set()
        for session_id in ids:
            await all_done(installed, session_id)
    assert insights.times == len(ids)


async def test_a_worker_that_is_stopped_puts_back_what_it_was_looking_for():
    insights = HeldInsights()
    installed = await an_installation(insights=insights)
    async with one_place(installed, timedelta(hours=1)):
        session_id = (await upload(installed.intake)).session_id
        await insights.asked.wait()
    run = await installed.insights_run(session_id)
    assert (run.state, run.claims, run.charges) == (RunState.DUE, 0, 1)


async def test_what_is_recognised_again_waits_for_a_place_among_the_sessions_not_the_insights():
    speech = HeldSpeech()
    installed = await an_installation(speech=speech, insights=ScriptedInsights(LACKING))
    await begun(installed)
    await installed.work()
    await installed.work()
    speech.held = True

    async def again() -> Run:
        return next(run for run in await installed.runs() if run.kind is RunKind.RERUN)

    async def are_found() -> bool:
        return await status(installed) == (InsightsStatus.READY, "")

    async def is_done() -> bool:
        return (await again()).state is RunState.DONE

    async with one_place(installed, timedelta(milliseconds=50)):
        await upload(installed.intake)
        await speech.asked.wait()
        waiting_list = installed.installation.waiting_list
        await rerun.rerun(ACTOR, SESSION, records=installed.records, waiting_list=waiting_list)
        await tried_again(installed)
        await until(are_found)
        assert (await again()).claims == 0
        speech.released.set()
        await until(is_done)
