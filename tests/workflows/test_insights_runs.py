"""Insights follow the transcript: review never waits for them, and what happens meanwhile is kept."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.builders import MINUTE, PRACTICE, SESSION, a_wav
from tests.workflows.memory_installation import (
    ACTOR,
    SHORT_LEASE,
    MemoryInstallation,
    an_installation,
    begun,
    reviewed,
    upload,
)
from therapy.adapters.memory.insights import MemoryInsightFinder
from therapy.domain.errors import LeaseLost, WrongState
from therapy.domain.insights import Gap, Insights, Part, nothing_but
from therapy.domain.insights_status import InsightsStatus
from therapy.domain.run import MAX_INSIGHTS_ATTEMPTS, RunState
from therapy.domain.session import State
from therapy.domain.session_status import AWAITED_KINDS, SessionStatus
from therapy.domain.transcript import Line
from therapy.repositories.transcripts import session_partition
from therapy.workflows import review

FIRST: dict[str, str] = {"return_when": asyncio.FIRST_COMPLETED}


class HeldInsights(MemoryInsightFinder):
    """Finds nothing before it is released; says when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.released = asyncio.Event(), asyncio.Event()
        self.times = 0

    async def find(self, practice_id, utterances, language):
        self.times += 1
        self.asked.set()
        await self.released.wait()
        return await super().find(practice_id, utterances, language)


class ScriptedInsights(MemoryInsightFinder):
    """Finds what it is told to, one after the other; raises what is an exception."""

    def __init__(self, *found: Insights | Exception) -> None:
        super().__init__()
        self.found = list(found)

    async def find(self, practice_id, utterances, language):
        if not self.found:
            return await super().find(practice_id, utterances, language)
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


async def in_review(insights: MemoryInsightFinder, **options: object) -> MemoryInstallation:
    installed = await an_installation(insights=insights, **options)
    await begun(installed)
    await installed.work()
    return installed


async def status(installed: MemoryInstallation) -> tuple[InsightsStatus, str]:
    view = await review.look(ACTOR, SESSION, records=installed.records)
    return view.insights.status, view.insights.failure


async def tried_again(installed: MemoryInstallation) -> None:
    await review.retry(
        ACTOR, SESSION, records=installed.records, waiting_list=installed.installation.waiting_list
    )


async def submitted(installed: MemoryInstallation, text: str = "") -> None:
    lines: Sequence[Line] = await reviewed(installed)
    if text:
        lines = [Line(lines[0].speaker, text, lines[0].timestamp), *lines[1:]]
    await review.submit(ACTOR, SESSION, lines, records=installed.records)


async def found_in(installed: MemoryInstallation, number: int) -> Insights | None:
    return (await installed.version(number)).insights


async def test_a_session_is_in_review_and_its_therapist_told_before_anyone_looks_for_insights():
    insights = HeldInsights()
    installed = await in_review(insights)
    assert insights.times == 0
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert installed.told() == ["SESSION_READY"]
    assert await status(installed) == (InsightsStatus.PENDING, "")
    working = asyncio.create_task(installed.work())
    await insights.asked.wait()
    view = await review.look(ACTOR, SESSION, records=installed.records)
    assert (view.progress.state, view.progress.stage) == (SessionStatus.AWAITING_REVIEW, "")
    assert (view.insights.status, view.transcript.insights) == (InsightsStatus.PENDING, None)
    insights.released.set()
    await working
    assert await status(installed) == (InsightsStatus.READY, "")
    assert (await found_in(installed, 1)).key_phrases == ("sleep", "better")
    assert installed.told() == ["SESSION_READY"]


@pytest.mark.parametrize(
    ("text", "there"), [("", True), ("How did you sleep, then?", False)], ids=["same", "corrected"]
)
async def test_insights_that_come_after_the_review_are_written_only_beside_their_own_words(
    text: str, there: bool
):
    insights = HeldInsights()
    installed = await in_review(insights)
    finding = asyncio.create_task(installed.work())
    await insights.asked.wait()
    await submitted(installed, text)
    await installed.work()
    session = await installed.session()
    assert (session.state, session.transcript_number) == (State.CLOSED, 2)
    insights.released.set()
    await finding
    assert bool(await found_in(installed, 2)) is there
    assert await status(installed) == (
        InsightsStatus.READY if there else InsightsStatus.ABSENT,
        "",
    )
    closed = await installed.session()
    assert replace(closed, version=session.version) == session  # nothing of it is other


async def test_insights_that_nobody_has_looked_for_yet_are_those_of_the_corrected_words():
    installed = await in_review(MemoryInsightFinder())
    await submitted(installed, "Whatever happened?")
    await installed.work()
    assert (await found_in(installed, 2)).key_phrases == ("Whatever", "happened", "better")
    assert await found_in(installed, 1) is None


async def test_a_submission_at_the_moment_at_which_insights_are_written_has_them():
    installed = await in_review(MemoryInsightFinder())
    lines, raced = await reviewed(installed), []

    async def insights_first(partition: str, writes: Sequence[object]) -> None:
        if partition == session_partition(PRACTICE, SESSION) and not raced:
            raced.append(True)
            await installed.work()

    installed.store.before_commit = insights_first
    await review.submit(ACTOR, SESSION, lines, records=installed.records)
    assert raced
    assert (await found_in(installed, 2)) == (await found_in(installed, 1)) is not None


async def test_a_session_cancelled_meanwhile_is_erased_and_no_insights_come_back():
    insights = HeldInsights()
    installed = await in_review(insights)
    finding = asyncio.create_task(installed.work())
    await insights.asked.wait()
    await review.cancel(ACTOR, SESSION, records=installed.records)
    await installed.sweep()
    assert (await installed.session()).state is State.ERASED
    insights.released.set()
    await finding
    left = await installed.store.list(session_partition(PRACTICE, SESSION))
    assert {item.id.partition("-")[0] for item in left} == {"session", "run"}
    assert {run.state for run in await installed.runs()} == {RunState.DONE, RunState.FAILED}


async def test_a_session_cancelled_at_the_moment_at_which_they_are_written_gets_none():
    installed = await in_review(MemoryInsightFinder())
    commits = []

    async def cancelled_first(partition: str, writes: Sequence[object]) -> None:
        ids = {getattr(write, "id", "") for write in writes}
        if "insights-000001" in ids and not commits:
            commits.append(ids)
            await review.cancel(ACTOR, SESSION, records=installed.records)

    installed.store.before_commit = cancelled_first
    await installed.work()
    assert commits
    await installed.sweep()
    left = await installed.store.list(session_partition(PRACTICE, SESSION))
    assert {item.id.partition("-")[0] for item in left} == {"session", "run"}


async def test_a_session_continued_meanwhile_gets_the_insights_of_the_whole_and_only_once():
    insights = HeldInsights()
    installed = await an_installation(insights=insights)
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    finding = asyncio.create_task(installed.work(session_id))
    await insights.asked.wait()
    await upload(installed.intake, a_wav(b"\x20\x00" * 4_000), continues=session_id)
    insights.released.set()
    await finding
    assert (await installed.version(1, session_id)).insights is None
    await installed.work(session_id)  # transcribes the whole
    await installed.work(session_id)  # finds insights in it
    await installed.work(session_id)
    assert (await installed.version(2, session_id)).insights is not None
    assert insights.times == 2
    assert {run.state for run in await installed.runs(session_id)} == {RunState.DONE}


async def test_of_a_session_continued_before_anyone_looked_they_are_looked_for_once():
    insights = HeldInsights()
    insights.released.set()
    installed = await an_installation(insights=insights, worker_options={"kinds": AWAITED_KINDS})
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    installed.clock.advance(minutes=1)
    await upload(installed.intake, a_wav(b"\x20\x00" * 4_000), continues=session_id)
    await installed.work(session_id)
    await installed.installation.worker.work_on(PRACTICE, session_id)
    assert insights.times == 1
    assert (await installed.version(2, session_id)).insights is not None
    assert {run.state for run in await installed.runs(session_id)} == {RunState.DONE}
    assert len(await installed.runs(session_id)) == 3


async def test_a_worker_that_dies_at_it_costs_an_attempt_and_nothing_else():
    insights = HeldInsights()
    installed = await in_review(insights)
    finding = asyncio.create_task(installed.work())
    await insights.asked.wait()
    run = await installed.insights_run()
    assert run.state is RunState.CLAIMED
    dead = replace(run, lease="dead")
    await installed.write(installed.records.runs.write(dead))
    insights.released.set()
    await finding  # its lease was lost: it wrote nothing
    assert await found_in(installed, 1) is None
    installed.clock.advance(minutes=2)
    await installed.sweep()
    await installed.work()
    assert await status(installed) == (InsightsStatus.READY, "")
    assert (await installed.insights_run()).claims == 2


async def test_what_kills_every_worker_is_given_up_after_two_and_the_session_goes_on():
    insights = HeldInsights()
    installed = await in_review(insights)
    for _ in range(3):
        working = asyncio.create_task(installed.work())
        await asyncio.wait({working, asyncio.create_task(insights.asked.wait())}, **FIRST)
        insights.asked.clear()
        run = await installed.insights_run()
        if run.state is RunState.CLAIMED:  # it dies: nothing more comes of it
            await installed.write(installed.records.runs.write(replace(run, lease="dead")))
        working.cancel()
        await asyncio.wait({working})
        installed.clock.advance(minutes=2)
    assert insights.times == 2
    assert await status(installed) == (InsightsStatus.FAILED, "paid_tries")
    await submitted(installed)
    await installed.work()
    assert (await installed.session()).state is State.CLOSED
    insights.released.set()
    await tried_again(installed)
    await installed.work()
    assert await status(installed) == (InsightsStatus.READY, "")


async def test_a_worker_that_stops_puts_them_back_for_others_at_once():
    insights = HeldInsights()
    installed = await in_review(insights)
    finding = asyncio.create_task(installed.work())
    await insights.asked.wait()
    finding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finding
    run = await installed.insights_run()
    assert (run.state, run.claims) == (RunState.DUE, 0)
    assert await status(installed) == (InsightsStatus.PENDING, "")


async def test_insights_have_a_deadline_of_their_own_and_end_visibly():
    insights = HeldInsights()
    options = {**SHORT_LEASE, "insights_time": MINUTE * 0}
    installed = await in_review(insights, worker_options=options)
    for attempt in range(1, MAX_INSIGHTS_ATTEMPTS + 1):
        await installed.work()
        run = await installed.insights_run()
        assert (run.attempt, run.error_code) == (attempt, "timeout")
        installed.clock.advance(minutes=5)
    assert await status(installed) == (InsightsStatus.FAILED, "timeout")
    await installed.work()
    assert insights.times == MAX_INSIGHTS_ATTEMPTS  # nobody pays for more
    session = await installed.session()
    assert session.state is State.AWAITING_REVIEW
    assert installed.told() == ["SESSION_READY"]
    insights.released.set()
    await tried_again(installed)
    assert await status(installed) == (InsightsStatus.PENDING, "")
    await installed.installation.worker.work_on(PRACTICE, SESSION)
    assert await status(installed) == (InsightsStatus.READY, "")


@pytest.mark.parametrize("failure", [RuntimeError("a bug"), nothing_but("engine_failed")])
async def test_what_fails_wholly_is_tried_again_by_itself_and_then_by_the_therapist(failure):
    installed = await in_review(ScriptedInsights(*[failure] * MAX_INSIGHTS_ATTEMPTS))
    code = "internal" if isinstance(failure, Exception) else "engine_failed"
    for _ in range(MAX_INSIGHTS_ATTEMPTS):
        if isinstance(failure, Exception):
            with pytest.raises(RuntimeError):
                await installed.work()
        else:
            await installed.work()
        installed.clock.advance(minutes=5)
    assert await status(installed) == (InsightsStatus.FAILED, code)
    await submitted(installed)
    await installed.work()
    assert (await installed.session()).state is State.CLOSED
    assert await status(installed) == (InsightsStatus.FAILED, code)
    await tried_again(installed)
    with pytest.raises(WrongState, match="not_failed"):
        await tried_again(installed)
    await installed.work()
    assert await status(installed) == (InsightsStatus.READY, "")
    assert (await installed.session()).state is State.CLOSED


async def test_a_part_that_failed_can_be_looked_for_again_and_one_that_is_not_offered_can_not():
    some = Insights(key_phrases=("sleep",), gaps=(Gap(Part.SUMMARY, "engine_failed"),))
    installed = await in_review(ScriptedInsights(some, nothing_but("not_offered")))
    await installed.work()
    assert await status(installed) == (InsightsStatus.READY, "")
    assert await found_in(installed, 1) == some
    await tried_again(installed)
    assert await status(installed) == (InsightsStatus.PENDING, "")
    assert await found_in(installed, 1) == some  # shown meanwhile
    await installed.work()
    assert await found_in(installed, 1) == nothing_but("not_offered")
    with pytest.raises(WrongState, match="not_failed"):
        await tried_again(installed)


async def test_two_workers_that_find_them_at_once_write_them_once():
    insights = HeldInsights()
    installed = await in_review(insights)
    insights.released.set()
    await asyncio.gather(installed.work(), installed.work())
    assert insights.times == 1
    assert (await installed.insights_run()).state is RunState.DONE


async def test_a_retry_that_comes_twice_at_once_is_one():
    installed = await in_review(ScriptedInsights(*[nothing_but("engine_failed")] * 2))
    for _ in range(MAX_INSIGHTS_ATTEMPTS):
        await installed.work()
        installed.clock.advance(minutes=5)
    results = await asyncio.gather(
        tried_again(installed), tried_again(installed), return_exceptions=True
    )
    assert [type(each) for each in results if each] in ([WrongState], [LeaseLost])
