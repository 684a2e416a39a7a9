"""Corrections of a session's details while others write: nothing is lost and nobody is refused for it."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.builders import SESSION
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    an_installation,
    begun,
    reviewed,
)
from therapy.domain.errors import WrongState
from therapy.domain.session import Link, State
from therapy.ports.store import Write
from therapy.workflows import patient_links, review


def with_summary(text: str):
    return lambda before: replace(before, summary=text)


def with_note(text: str):
    return lambda before: replace(before, general_notes=(*before.general_notes, text))


@pytest.mark.parametrize("moment", [1, 2], ids=["before our write", "after it"])
async def test_another_correction_at_any_moment_stays_beside_ours(moment):
    installed = await an_installation()
    await begun(installed)
    reads: list[str] = []

    async def then_somebody_else(_: str, ids: Sequence[str]) -> None:
        if "session" in ids:
            reads.append(IN_SESSION)
            if len(reads) == moment:
                await review.correct(
                    ACTOR, SESSION, with_note("Theirs."), records=installed.records
                )

    installed.store.after_get = then_somebody_else
    await review.correct(ACTOR, SESSION, with_summary("Ours."), records=installed.records)
    details = (await installed.session()).details
    assert (details.summary, details.general_notes) == ("Ours.", ("Theirs.",))


async def test_a_session_cancelled_in_the_meantime_is_not_corrected():
    installed = await an_installation()
    await begun(installed)
    raced: list[bool] = []

    async def cancelled_first(partition: str, _: Sequence[Write]) -> None:
        if partition == IN_SESSION and not raced:
            raced.append(True)
            await review.cancel(ACTOR, SESSION, records=installed.records)

    installed.store.before_commit = cancelled_first
    with pytest.raises(Exception, match=r"not_found|too_late_to_change"):
        await review.correct(ACTOR, SESSION, with_summary("Late."), records=installed.records)
    session = await installed.session()
    assert (session.state, session.details.summary) == (State.ERASED, "")


async def test_a_confirmed_link_stays_when_other_details_change():
    installed = await an_installation()
    await begun(installed)
    await patient_links.link_patient(ACTOR, SESSION, "203948571", records=installed.records)
    await review.correct(ACTOR, SESSION, with_summary("x"), records=installed.records)
    assert (await installed.session()).details.patient.link is Link.LINKED


async def test_a_submitted_session_keeps_its_details():
    installed = await an_installation()
    await begun(installed)
    await installed.work()
    await review.submit(ACTOR, SESSION, await reviewed(installed), records=installed.records)
    with pytest.raises(WrongState, match="too_late_to_change"):
        await review.correct(ACTOR, SESSION, with_summary("x"), records=installed.records)
