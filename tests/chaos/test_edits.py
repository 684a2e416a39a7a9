"""A process that dies at any port call while a closed session is amended, and recognised again."""

import pytest

from tests.builders import HOUR, PRACTICE, SESSION
from tests.chaos.steps import Cut, Lifetime, Process, at_every_call
from tests.repositories.changes import headers_of
from tests.workflows.memory_installation import (
    ACTOR,
    MemoryInstallation,
    an_installation,
    begun,
    reviewed,
)
from therapy.domain.edited_lines import EditedLine, EditedLines
from therapy.domain.run import RunState
from therapy.domain.session import State
from therapy.domain.transcript import Source, Speaker
from therapy.repositories.sessions import session_partition
from therapy.workflows import amendments, rerun, review

LINES = (EditedLine(3_000, Speaker.PATIENT, "I am sad in Zanzibar."),)


async def edited(process: Process) -> None:
    """Amend a closed session, then have it recognised again; whoever gets no answer asks again."""
    installed = await an_installation()
    await begun(installed)
    await installed.work()
    await review.submit(ACTOR, SESSION, await reviewed(installed), records=installed.records)
    await installed.work()
    lived = Lifetime(installed, process)

    async def amend(it: MemoryInstallation) -> None:
        edit = EditedLines(LINES, Source.AMEND, "misheard")
        number = await amendments.amend(ACTOR, SESSION, edit, expected={2}, records=it.records)
        assert number == 3

    async def recognise(it: MemoryInstallation) -> None:
        waiting_list = it.installation.waiting_list
        await rerun.rerun(ACTOR, SESSION, records=it.records, waiting_list=waiting_list)

    async def work(it: MemoryInstallation) -> None:
        await it.sweep()
        await it.work()

    for step in (amend, work, recognise, work):
        await lived.until_done(step)
    lived.installed.clock.now += 3 * HOUR
    await lived.until_done(MemoryInstallation.sweep)
    await check(lived.installed)


async def check(installed: MemoryInstallation) -> None:
    session = await installed.session()
    assert (session.state, session.transcript_number, session.next_number) == (State.CLOSED, 3, 5)
    headers = await headers_of(installed.records, PRACTICE, SESSION)
    assert [(each.number, each.source.value) for each in headers] == [
        (1, "machine"),
        (2, "edit"),
        (3, "amend"),
        (4, "rerun"),
    ]
    assert {run.state for run in await installed.runs()} == {RunState.DONE}
    version = await installed.version(3)
    assert all(each.scores for each in version.utterances)
    assert session.scores is not None
    assert session.scores.negative > 0
    index = installed.ports.session_index
    (entry,) = await index.search(PRACTICE, ACTOR.person_id, "zanzibar", "", 10)
    assert entry.scores == session.scores
    assert list(installed.recordings._kept) == [(PRACTICE, session.recording.key)]
    assert not installed.recordings._staged
    assert await installed.waiting(session_partition(PRACTICE, SESSION)) == ()


@pytest.mark.parametrize("cut", [Cut.DIES_BEFORE, Cut.DIES_AFTER], ids=lambda cut: cut.value)
async def test_a_crash_while_a_session_is_amended_and_recognised_again_loses_and_doubles_nothing(
    cut: Cut,
) -> None:
    await at_every_call(edited, cut)
