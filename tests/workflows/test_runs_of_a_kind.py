"""Runs of each kind: worked on in their own way, ended also where nobody waits for them, numbered late."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.builders import HOUR, MINUTE, PRACTICE, SESSION, a_run, a_version
from tests.repositories.changes import headers_of
from tests.workflows.memory_installation import (
    ACTOR,
    SCRIPT,
    MemoryInstallation,
    an_installation,
    begun,
    reviewed,
)
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import ErrorClass, WrongState
from therapy.domain.run import MAX_CLAIMS, Run, RunKind, RunState, claimed, failed
from therapy.domain.session import State
from therapy.domain.session_status import AWAITED_KINDS, SessionStatus
from therapy.domain.transcript import Source
from therapy.workflows import amendments, rerun, review


class CountingSpeech(MemorySpeech):
    """Counts how often it was asked; a test may do something while it listens."""

    asked = 0

    async def meanwhile(self) -> None:
        """Do nothing."""

    async def transcribe(self, practice_id, pcm, options):
        self.asked += 1
        await self.meanwhile()
        async for event in super().transcribe(practice_id, pcm, options):
            yield event


class CountingSentiment(MemorySentiment):
    """Counts how often it was asked."""

    asked = 0

    async def score(self, practice_id, texts, language):
        self.asked += 1
        return await super().score(practice_id, texts, language)


async def in_review() -> MemoryInstallation:
    installed = await an_installation(speech=CountingSpeech(SCRIPT), sentiment=CountingSentiment())
    await begun(installed)
    await installed.work()
    return installed


async def in_closing() -> MemoryInstallation:
    installed = await in_review()
    await review.submit(ACTOR, SESSION, await reviewed(installed), records=installed.records)
    return installed


async def added(installed: MemoryInstallation, **changes: object) -> None:
    """Write one more run, made a minute after the others."""
    later = installed.clock.now + MINUTE
    made = {"created_at": later, "due_at": installed.clock.now} | changes
    run = a_run(id="run-2", **made)
    await installed.write(installed.records.runs.write(run))


async def of_id(installed: MemoryInstallation, run_id: str) -> Run:
    return next(run for run in await installed.runs() if run.id == run_id)


ENDS = {
    RunKind.TRANSCRIBE: (State.AWAITING_REVIEW, 1),
    RunKind.SCORE: (State.CLOSED, 2),
    RunKind.INSIGHTS: (State.AWAITING_REVIEW, 1),
    RunKind.AMEND: (State.CLOSED, 3),
    RunKind.RERUN: (State.AWAITING_REVIEW, 1),
    RunKind.PLAYBACK: (State.AWAITING_REVIEW, 1),
}
"""What becomes of a session with work of each kind, and the number of its transcript then."""


@pytest.mark.parametrize("kind", RunKind)
async def test_work_of_each_kind_brings_a_session_to_an_end_of_its_own(kind):
    installed = await an_installation()
    await begun(installed)
    if kind is not RunKind.TRANSCRIBE:
        await installed.work()
    if kind in {RunKind.SCORE, RunKind.AMEND}:
        lines = await reviewed(installed)
        await review.submit(ACTOR, SESSION, lines, records=installed.records)
    await installed.work()
    if kind is RunKind.AMEND:
        await amendments.restore(ACTOR, SESSION, 1, "misheard", records=installed.records)
    if kind is RunKind.RERUN:
        waiting_list = installed.installation.waiting_list
        await rerun.rerun(ACTOR, SESSION, records=installed.records, waiting_list=waiting_list)
    await installed.work()
    session = await installed.session()
    assert (session.state, session.transcript_number) == ENDS[kind]


@pytest.mark.parametrize("kind", sorted(AWAITED_KINDS, key=lambda kind: kind.value))
async def test_a_run_that_nobody_waits_for_is_ended_at_once_and_nobody_is_told(kind):
    installed = await in_review()
    await installed.work()  # insights
    before = await installed.session()
    await added(installed, kind=kind)
    await installed.work()
    run = await of_id(installed, "run-2")
    assert (run.state, run.claims, run.error_code) == (RunState.DONE, 1, "")
    assert await installed.session() == before
    engines = installed.ports.engines
    assert (engines.speech.asked, engines.sentiment.asked) == (1, 1)  # for the first run
    assert installed.told() == ["SESSION_READY"]
    await installed.work()
    assert await of_id(installed, "run-2") == run


async def test_a_score_run_on_a_session_that_is_not_transcribed_yet_is_ended_alone():
    installed = await an_installation()
    await begun(installed)
    await added(installed, kind=RunKind.SCORE, created_at=installed.clock.now - MINUTE)
    await installed.work()
    awaited = [run for run in await installed.runs() if run.kind in AWAITED_KINDS]
    assert [run.id for run in awaited] == ["run-2", "run-1"]  # so it came first
    assert [run.state for run in awaited] == [RunState.DONE, RunState.DONE]
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert installed.told() == ["SESSION_READY"]


async def test_of_two_score_runs_at_once_one_closes_the_session_and_the_other_is_ended():
    installed = await in_closing()
    await added(installed, kind=RunKind.SCORE)
    both = asyncio.Barrier(2)

    async def meet(practice_id, texts, language):
        async with asyncio.timeout(60):
            await both.wait()
        return await MemorySentiment().score(practice_id, texts, language)

    class Meeting(MemorySentiment):
        score = staticmethod(meet)

    await asyncio.gather(installed.work(sentiment=Meeting()), installed.work(sentiment=Meeting()))
    assert {run.state for run in await installed.runs()} == {RunState.DONE}
    session = await installed.session()
    assert (session.state, session.transcript_number) == (State.CLOSED, 2)
    assert session.closed_at == installed.clock.now


async def test_of_two_runs_at_once_one_writes_the_transcript_and_the_other_is_ended():
    installed = await an_installation(speech=CountingSpeech(SCRIPT))
    await begun(installed)
    await added(installed)
    await asyncio.gather(installed.work(), installed.work())
    await installed.work()
    assert {run.state for run in await installed.runs()} == {RunState.DONE}
    assert len(await installed.runs()) == 3  # one of them for insights
    session = await installed.session()
    assert (session.state, session.transcript_number) == (State.AWAITING_REVIEW, 1)
    headers = await headers_of(installed.records, PRACTICE, SESSION)
    assert [each.number for each in headers] == [1]
    assert installed.told() == ["SESSION_READY"]


async def test_a_result_that_nobody_wants_any_more_is_not_written_and_its_run_is_ended():
    installed = await an_installation(speech=CountingSpeech(SCRIPT))
    await begun(installed)

    async def handed_over() -> None:
        """Somebody else brings the session into review while the engine listens."""
        session = await installed.session()
        after = replace(session, state=State.AWAITING_REVIEW, transcript_number=1)
        await installed.write(
            installed.records.sessions.write(after),
            *await installed.records.transcripts.new(PRACTICE, a_version(1, "Theirs.")),
        )

    installed.ports.engines.speech.meanwhile = handed_over
    await installed.work()
    assert (await installed.run()).state is RunState.DONE
    assert [each.text for each in (await installed.version(1)).utterances] == ["Theirs."]
    assert (await installed.session()).transcript_number == 1
    assert installed.told() == []


async def test_the_number_of_a_version_is_decided_when_it_is_written():
    installed = await an_installation(speech=CountingSpeech(SCRIPT))
    await begun(installed)

    async def write_a_version() -> None:
        """Somebody else writes a version while the engine listens; the session still waits for ours."""
        session = await installed.session()
        await installed.write(
            installed.records.sessions.write(replace(session, transcript_number=1)),
            *await installed.records.transcripts.new(PRACTICE, a_version(1, "Theirs.")),
        )

    installed.ports.engines.speech.meanwhile = write_a_version
    await installed.work()
    session = await installed.session()
    assert (session.state, session.transcript_number) == (State.AWAITING_REVIEW, 2)
    ours, theirs = await installed.version(2), await installed.version(1)
    assert (ours.number, ours.parent, ours.source) == (2, 1, Source.MACHINE)
    assert len(ours.utterances) == len(SCRIPT)
    assert [each.text for each in theirs.utterances] == ["Theirs."]
    assert (await installed.run()).state is RunState.DONE


@pytest.mark.parametrize("bring", [in_review, in_closing])
async def test_a_second_run_that_kills_its_workers_is_given_up_and_told_to_nobody(bring):
    installed = await bring()
    state = (await installed.session()).state
    await added(installed, claims=MAX_CLAIMS)
    for run in await installed.runs():
        if run.kind is RunKind.SCORE:  # left to somebody else
            now = installed.clock.now
            theirs = claimed(run, lease="theirs", now=now, hold=MINUTE, within=HOUR)
            await installed.write(installed.records.runs.write(theirs))
    await installed.work()
    run = await of_id(installed, "run-2")
    assert (run.state, run.error_code) == (RunState.FAILED, "worker_died")
    assert (await installed.session()).state is state
    assert installed.told() == ["SESSION_READY"]


async def test_what_is_tried_again_is_the_latest_run_and_only_if_that_has_failed():
    installed = await an_installation()
    await begun(installed)
    first = await installed.run()
    over = failed(first, error_class=ErrorClass.PERMANENT, code="decode", now=installed.clock.now)
    await installed.write(installed.records.runs.write(over))
    await added(installed)
    with pytest.raises(WrongState, match="not_failed"):
        await review.retry(
            ACTOR,
            SESSION,
            records=installed.records,
            waiting_list=installed.installation.waiting_list,
        )
    second = await of_id(installed, "run-2")
    over = failed(second, error_class=ErrorClass.PERMANENT, code="decode", now=installed.clock.now)
    await installed.write(installed.records.runs.write(over))
    await review.retry(
        ACTOR, SESSION, records=installed.records, waiting_list=installed.installation.waiting_list
    )
    assert [run.state for run in await installed.runs()] == [RunState.FAILED, RunState.DUE]
    view = await review.look(ACTOR, SESSION, records=installed.records)
    assert view.progress.state is SessionStatus.AWAITING_TRANSCRIPT
