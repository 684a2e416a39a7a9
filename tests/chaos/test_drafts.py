"""A process that dies at any port call while drafts are saved and submitted, before and after closing."""

import pytest

from tests.builders import HOUR, PRACTICE, SESSION
from tests.chaos.steps import Cut, Lifetime, Process, at_every_call
from tests.repositories.changes import headers_of
from tests.workflows.memory_installation import ACTOR, MemoryInstallation, an_installation, begun
from therapy.domain.draft_lines import split
from therapy.domain.edited_lines import EditedLine
from therapy.domain.session import State
from therapy.domain.transcript import Speaker
from therapy.repositories.sessions import session_partition
from therapy.workflows import amendments, drafts, review
from therapy.workflows.draft_preconditions import ANY, NEW
from therapy.workflows.drafts import Lines, SentDraft

pytestmark = pytest.mark.slow  # whole sessions, cut at each call

LINES = (
    EditedLine(0, Speaker.THERAPIST, "How did you sleep?"),
    EditedLine(3_000, Speaker.PATIENT, "I am sad in Zanzibar."),
)


async def drafted(process: Process) -> None:
    """Save a draft and submit it, split a line of the closed session and amend it by that draft."""
    installed = await an_installation()
    await begun(installed)
    await installed.work()
    lived = Lifetime(installed, process)

    async def save(it: MemoryInstallation) -> None:
        for precondition, reviewed_to_ms in ((NEW, 0), (ANY, 3_000)):
            draft = SentDraft(1, LINES, reviewed_to_ms)
            if precondition is NEW and await is_there(it):
                continue  # as a client does that got no answer: it looks
            await drafts.save(ACTOR, SESSION, draft, precondition, records=it.records)

    async def submit(it: MemoryInstallation) -> None:
        await review.submit_edit(ACTOR, SESSION, None, records=it.records)

    async def cut_line(it: MemoryInstallation) -> None:
        def change(_: object, lines: Lines) -> Lines:
            return lines if len(lines) > len(LINES) else split(lines, 3_000, 2)

        await drafts.edit(ACTOR, SESSION, change, records=it.records)

    async def amend(it: MemoryInstallation) -> None:
        number = await amendments.amend(ACTOR, SESSION, None, reason="cut", records=it.records)
        assert number == 3

    async def work(it: MemoryInstallation) -> None:
        await it.sweep()
        await it.work()

    for step in (save, submit, work, cut_line, amend, work):
        await lived.until_done(step)
    lived.installed.clock.now += 3 * HOUR
    await lived.until_done(MemoryInstallation.sweep)
    await check(lived.installed)


async def is_there(it: MemoryInstallation) -> bool:
    stored = await it.records.drafts.load(PRACTICE, SESSION, ACTOR.person_id)
    return stored.draft is not None


async def check(installed: MemoryInstallation) -> None:
    session = await installed.session()
    assert (session.state, session.transcript_number) == (State.CLOSED, 3)
    headers = await headers_of(installed.records, PRACTICE, SESSION)
    assert [each.source.value for each in headers] == ["machine", "edit", "amend"]
    texts = [each.text for each in (await installed.version(3)).utterances]
    assert texts == ["How did you sleep?", "I am", "sad in Zanzibar."]
    items = await installed.store.list(session_partition(PRACTICE, SESSION), "draft-")
    assert [each.id for each in items] == [f"draft-{ACTOR.person_id}|head"]
    assert b"Zanzibar" not in items[0].body


async def test_a_crash_while_drafts_are_saved_and_submitted_loses_and_doubles_no_word() -> None:
    """After each call: the one before the next call is the same moment."""
    await at_every_call(drafted, Cut.DIES_AFTER)
