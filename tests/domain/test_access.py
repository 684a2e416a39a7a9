"""Who may do what: the whole matrix of actions, roles, relations and states."""

from __future__ import annotations

from itertools import product

import pytest
from msgspec.structs import replace

from tests.domain.builders import a_linked_patient, a_patient, a_practice, a_session
from therapy.domain.access import Action, Actor, may, require
from therapy.domain.errors import Forbidden, NotFound
from therapy.domain.people import PatientSees, Role
from therapy.domain.session import Link, State


def an_actor(person_id: str, role: Role, practice_id: str = "north") -> Actor:
    return Actor(person_id=person_id, role=role, practice_id=practice_id, sid="login1")


ACTORS = {
    "its therapist": an_actor("olivia", Role.THERAPIST),
    "another therapist": an_actor("alex", Role.THERAPIST),
    "its therapist's id in another practice": an_actor("olivia", Role.THERAPIST, "south"),
    "its patient": an_actor("jordan", Role.PATIENT),
    "another patient": an_actor("jamie", Role.PATIENT),
    "its patient's id in another practice": an_actor("jordan", Role.PATIENT, "south"),
    "a patient with its therapist's id": an_actor("olivia", Role.PATIENT),
    "a therapist with its patient's id": an_actor("jordan", Role.THERAPIST),
}
GENERAL = {Action.RECORD, Action.FIND_PATIENTS, Action.SEE_INBOX, Action.USE_VOCABULARY}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_without_a_session_therapists_may_do_what_is_theirs_and_patients_nothing(action, role):
    expected = role is Role.THERAPIST and action in GENERAL
    actor = an_actor("someone", role)
    assert may(actor, action) is expected
    if expected:
        require(actor, action)
    else:
        with pytest.raises(Forbidden):
            require(actor, action)


@pytest.mark.parametrize("who", ACTORS)
def test_a_session_is_its_therapists_and_once_closed_its_patients_to_read(who):
    for state, action in product(State, Action):
        session = a_session(patient=a_linked_patient(), state=state)
        expected = (who == "its therapist" and state is not State.ERASED) or (
            who == "its patient" and state is State.CLOSED and action is Action.READ_CLOSED
        )
        assert may(ACTORS[who], action, session, a_practice()) is expected, (state, action)
        if not expected:
            with pytest.raises(NotFound) as caught:
                require(ACTORS[who], action, session, a_practice())
            assert caught.value.details == {"session": "s1"}


@pytest.mark.parametrize(("link", "sees"), list(product(Link, PatientSees)))
def test_a_patient_reads_only_with_a_link_and_if_the_practice_shows_it(link, sees):
    patient = a_patient(person_id="jordan", link=link)
    session = a_session(patient=patient, state=State.CLOSED)
    allowed = may(ACTORS["its patient"], Action.READ_CLOSED, session, a_practice(patient_sees=sees))
    assert allowed is (link is Link.LINKED and sees is not PatientSees.NOTHING)


def test_without_the_practices_setting_a_patient_reads_nothing():
    session = a_session(patient=a_linked_patient(), state=State.CLOSED)
    assert not may(ACTORS["its patient"], Action.READ_CLOSED, session)


def test_a_patient_without_an_id_is_nobodys():
    session = a_session(patient=replace(a_linked_patient(), person_id=""), state=State.CLOSED)
    nobody = an_actor("", Role.PATIENT)
    assert not may(nobody, Action.READ_CLOSED, session, a_practice())
