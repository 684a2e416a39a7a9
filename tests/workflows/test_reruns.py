"""A rerun that is broken off: it goes on where it was, or leaves nothing, and no other work is in its way."""

import asyncio
from functools import partial

import pytest

from tests.builders import MINUTE, PRACTICE, SESSION, a_wav
from tests.repositories.changes import headers_of
from tests.workflows.memory_installation import ACTOR, MemoryInstallation, upload
from tests.workflows.test_stage_outputs import (
    WatchedSpeech,
    kept,
    nothing_happens,
    store_is_away,
    watched,
)
from therapy.domain.errors import ErrorClass
from therapy.domain.run import RunKind, RunState, failed
from therapy.domain.run_progress import rerun_run
from therapy.domain.session import State
from therapy.domain.vocabulary import Vocabulary
from therapy.workflows import rerun, review
from therapy.workflows.stage_outputs import RECOGNISED, part


async def under_way() -> tuple[MemoryInstallation, WatchedSpeech, asyncio.Task[None]]:
    """Return an installation whose worker stands in the middle of recognising a session again."""
    installed, speech = await watched()
    await installed.work()
    waiting_list = installed.installation.waiting_list
    await rerun.rerun(ACTOR, SESSION, records=installed.records, waiting_list=waiting_list)
    speech.stood.clear()
    speech.go.clear()
    work = asyncio.create_task(installed.work())
    await asyncio.wait_for(speech.stood.wait(), 60)
    return installed, speech, work


async def sources(installed: MemoryInstallation) -> list[str]:
    headers = await headers_of(installed.records, PRACTICE, SESSION)
    return [each.source.value for each in headers]


async def test_a_rerun_that_is_broken_off_goes_on_after_its_checkpoint_whatever_insights_do():
    installed, speech, work = await under_way()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    looking = installed.records.new_run(await installed.session(), RunKind.INSIGHTS)
    await installed.write(installed.records.runs.write(looking))  # discards what others left
    insights = frozenset({RunKind.INSIGHTS})
    installed.worker_options["kinds"] = insights
    await installed.work()
    assert kept(installed) == {part(0)}
    del installed.worker_options["kinds"]
    speech.go.set()
    await installed.work()
    assert len(speech.asked[-1].checkpoints) == 1
    assert await sources(installed) == ["machine", "rerun"]
    assert kept(installed) == set()


async def test_a_rerun_without_the_vocabulary_takes_nothing_that_was_heard_with_it():
    installed, speech = await watched()
    await installed.work()
    words = Vocabulary(terms=("Zanzibar",))
    await installed.write(installed.records.vocabularies.write(PRACTICE, words))
    waiting_list = installed.installation.waiting_list
    asking = partial(
        rerun.rerun, ACTOR, SESSION, records=installed.records, waiting_list=waiting_list
    )
    await asking()
    installed.store.before_commit = store_is_away
    await installed.work()
    installed.store.before_commit = nothing_happens
    run = rerun_run(await installed.runs())
    assert run is not None
    over = failed(run, error_class=ErrorClass.PERMANENT, code="model", now=installed.clock.now)
    await installed.write(installed.records.runs.write(over))
    assert RECOGNISED in kept(installed)
    await asking(vocabulary=False)
    await installed.work()
    assert [each.hints for each in speech.asked[1:]] == [("Zanzibar",), ()]
    assert await sources(installed) == ["machine", "rerun"]
    assert kept(installed) == set()


async def test_cancelling_a_session_stops_its_rerun_with_the_next_beat_and_nothing_stays():
    installed, _, work = await under_way()
    await review.cancel(ACTOR, SESSION, records=installed.records)
    await asyncio.wait_for(work, 60)
    assert (await installed.session()).state is State.ERASED
    assert not installed.recordings._kept
    assert not installed.recordings._staged


async def test_a_session_that_is_continued_meanwhile_gets_no_version_of_a_part_of_it():
    installed, speech, work = await under_way()
    await upload(installed.intake, a_wav(b"\x20\x00" * 4_000), continues=SESSION)
    speech.go.set()
    await work
    run = rerun_run(await installed.runs())
    assert run is not None
    assert (run.state, run.transcript) == (RunState.DONE, 0)
    installed.clock.now += MINUTE
    await installed.work()
    assert await sources(installed) == ["machine", "machine"]
    assert kept(installed) == set()
