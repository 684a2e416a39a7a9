"""Corrections of a session's details while others write: nothing is lost and nobody is refused for it."""

import pytest
from msgspec.structs import replace

from tests.builders import SESSION
from tests.workflows.desks import ACTOR, an_office, begun, lines_of
from therapy.domain.errors import WrongState
from therapy.domain.session import Link, State
from therapy.workflows import review


def with_summary(text: str):
    return lambda before: replace(before, summary=text)


def with_note(text: str):
    return lambda before: replace(before, general_notes=(*before.general_notes, text))


@pytest.mark.parametrize("moment", [1, 2], ids=["before our write", "after it"])
async def test_another_correction_at_any_moment_stays_beside_ours(moment):
    office = await an_office()
    await begun(office)
    load, loads = office.desk.sessions.load, []

    async def then_somebody_else(practice_id, session_id):
        loaded = await load(practice_id, session_id)
        loads.append(loaded)
        if len(loads) == moment:
            await review.correct(ACTOR, SESSION, with_note("Theirs."), desk=office.desk)
        return loaded

    office.desk.sessions.load = then_somebody_else
    await review.correct(ACTOR, SESSION, with_summary("Ours."), desk=office.desk)
    details = (await office.session()).details
    assert (details.summary, details.general_notes) == ("Ours.", ("Theirs.",))


async def test_a_session_cancelled_in_the_meantime_is_not_corrected():
    office = await an_office()
    await begun(office)
    commit, raced = office.desk.sessions.commit, []

    async def cancelled_first(practice_id, session_id, change):
        if not raced:
            raced.append(True)
            await review.cancel(ACTOR, SESSION, desk=office.desk)
        await commit(practice_id, session_id, change)

    office.desk.sessions.commit = cancelled_first
    with pytest.raises(Exception, match=r"not_found|too_late_to_change"):
        await review.correct(ACTOR, SESSION, with_summary("Late."), desk=office.desk)
    session = await office.session()
    assert (session.state, session.details.summary) == (State.ERASED, "")


async def test_a_confirmed_link_stays_when_other_details_change():
    office = await an_office()
    await begun(office)
    await review.link_patient(ACTOR, SESSION, "203948571", desk=office.desk)
    await review.correct(ACTOR, SESSION, with_summary("x"), desk=office.desk)
    assert (await office.session()).details.patient.link is Link.LINKED


async def test_a_handed_in_session_keeps_its_details():
    office = await an_office()
    await begun(office)
    await office.work()
    await review.submit(ACTOR, SESSION, lines_of(await office.version(1)), desk=office.desk)
    with pytest.raises(WrongState, match="too_late_to_change"):
        await review.correct(ACTOR, SESSION, with_summary("x"), desk=office.desk)
