"""A session's states, its patient, its dates; the page that draws its states is up to date."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scripts.docs import states_page
from tests.domain.builders import a_linked_patient, a_patient, a_person, a_session
from therapy.domain import codec
from therapy.domain.errors import InvalidInput, WrongState
from therapy.domain.people import full_number
from therapy.domain.session import (
    DATE_ASSUMED,
    LINK_UNDONE,
    TRANSITIONS,
    Details,
    Event,
    Link,
    Session,
    State,
    apply,
    confirmed,
    linked,
    parse_date,
    same_details,
    title_of,
    unlinked,
)

PAIRS = [
    pytest.param(*pair, id=f"{pair[0].value}-{pair[1].value}") for pair in product(State, Event)
]
REACHED_BY = {
    State.AWAITING_TRANSCRIPT: [],
    State.AWAITING_REVIEW: [Event.TRANSCRIPT_WRITTEN],
    State.CLOSING: [Event.TRANSCRIPT_WRITTEN, Event.SUBMITTED],
    State.CLOSED: [Event.TRANSCRIPT_WRITTEN, Event.SUBMITTED, Event.SCORED],
    State.CANCELLED: [Event.CANCELLED],
    State.ERASED: [Event.CANCELLED, Event.ERASED],
}


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_in_the_table_or_refused(state, event):
    session = a_session(state=state, version=3)
    if (state, event) in TRANSITIONS:
        after = apply(session, event)
        assert after == a_session(state=TRANSITIONS[state, event], version=3)
    else:
        with pytest.raises(WrongState) as caught:
            apply(session, event)
        assert caught.value.details == {"state": state.value, "event": event.value}


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reached(state):
    session = a_session()
    for event in REACHED_BY[state]:
        session = apply(session, event)
    assert session.state is state


def test_what_is_erased_stays_erased():
    assert not [event for state, event in TRANSITIONS if state is State.ERASED]


def test_only_a_session_before_closing_can_be_corrected_or_cancelled():
    before = {State.AWAITING_TRANSCRIPT, State.AWAITING_REVIEW}
    for event in (Event.DETAILS_CORRECTED, Event.CANCELLED):
        assert {state for state, known in TRANSITIONS if known is event} == before


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_no_events_lead_out_of_the_table(events):
    session = a_session()
    for event in events:
        try:
            session = apply(session, event)
        except WrongState:
            assert (session.state, event) not in TRANSITIONS
    assert session.state in State


def test_the_page_of_states_is_what_the_code_says():
    page = states_page()  # tests/test_docs.py holds the file to it
    assert all(f"{one.value} --> {two.value}" in page for (one, _), two in TRANSITIONS.items())
    assert all(f"`{each.value}`" in page for each in (*State, *Event))


# The patient.


def test_number_and_name_together_link_an_account():
    patient = linked(a_patient(name=" jordan  WHITE "), a_person())
    assert (patient.link, patient.person_id) == (Link.LINKED, "jordan")


def test_a_conflicting_name_leaves_the_link_open():
    patient = linked(a_linked_patient(), a_person(full_name="Jamie Davis"))
    assert (patient.link, patient.person_id) == (Link.UNCONFIRMED, "")


def test_without_an_account_there_is_no_link():
    patient = linked(a_linked_patient(), None)
    assert (patient.link, patient.person_id) == (Link.NO_ACCOUNT, "")


def test_a_name_without_letters_links_nobody():
    assert linked(a_patient(name="?"), a_person(full_name="!")).link is Link.UNCONFIRMED


def test_a_therapists_word_links_an_account_of_another_name():
    session = confirmed(a_session(), a_person(full_name="Jamie Davis", number="987654321"))
    patient = session.details.patient
    assert (patient.link, patient.person_id) == (Link.LINKED, "jordan")
    assert (patient.number, patient.name) == ("987654321", "Jordan White")


@pytest.mark.parametrize("state", [State.CANCELLED, State.ERASED])
def test_a_cancelled_session_is_linked_to_nobody(state):
    with pytest.raises(WrongState):
        confirmed(a_session(state=state), a_person())


WITH_A_LINK = [each for each in State if each is not State.ERASED]


def a_session_of_jordan(**changes):
    return a_session(details=Details(a_linked_patient(), date(2026, 3, 1)), **changes)


@pytest.mark.parametrize("state", WITH_A_LINK)
def test_a_link_is_undone_in_every_state_and_the_therapist_is_told(state):
    after = unlinked(a_session_of_jordan(state=state), a_person())
    patient = after.details.patient
    assert after.state is state
    assert (patient.link, patient.person_id) == (Link.UNCONFIRMED, "")
    assert after.details.hints == (LINK_UNDONE,)
    assert unlinked(after, None).details.hints == (LINK_UNDONE,)


def test_an_erased_session_has_no_link_to_undo():
    with pytest.raises(WrongState):
        unlinked(a_session(state=State.ERASED), None)


def test_with_the_link_the_number_that_the_therapist_confirmed_goes_too():
    entered = a_session(details=Details(a_patient(number="111222333"), date(2026, 3, 1)))
    linked_to = confirmed(entered, a_person(full_name="Jamie Davis", number="987654321"))
    assert linked_to.details.patient.number == "987654321"
    assert same_details(linked_to.details, entered.details)
    patient = unlinked(linked_to, None).details.patient
    assert (patient.number, patient.link) == ("111222333", Link.NO_ACCOUNT)
    assert patient == entered.details.patient


@pytest.mark.parametrize("undone", [False, True])
def test_the_right_patient_learns_nothing_of_the_wrong_one(undone):
    """Number, name, e-mail and date of birth were those of the patient who was chosen by mistake."""
    wrong = replace(a_linked_patient(), name="Jamie Davis", email="jamie@example.health")
    session = a_session(details=Details(wrong, date(2026, 3, 1)))
    if undone:
        session = unlinked(session, None)
    right = a_person(id="noa", full_name="Noa Bar", number="300000015", email="noa@example.health")
    details = confirmed(session, right).details
    expected = (right.number, right.full_name, right.email, right.date_of_birth, "noa")
    found = details.patient
    assert expected == (found.number, found.name, found.email, found.date_of_birth, found.person_id)
    assert (found.link, found.entered_number, details.hints) == (Link.LINKED, "", ())


def test_links_do_not_make_details_different_but_words_do():
    def details(patient, summary=""):
        return Details(patient=patient, date=date(2026, 3, 1), summary=summary)

    assert same_details(details(a_patient()), details(a_linked_patient()))
    assert not same_details(details(a_patient()), details(a_patient(name="Jordan")))
    assert not same_details(details(a_patient()), details(a_patient(), "other"))


def test_an_assumed_day_makes_details_no_different():
    sent = Details(patient=a_patient(), date=date(2026, 3, 1), hints=(DATE_ASSUMED,))
    assert same_details(sent, replace(sent, date=date(2026, 3, 2)))
    assert same_details(Details(patient=a_patient(), date=date(2026, 2, 9)), sent)
    assert not same_details(sent, replace(sent, summary="other"))


@pytest.mark.parametrize(
    "typed", ["12345678", " 012345678 ", "01234567-8", "٠١٢٣٤٥٦٧٨", "\u200f12345678"]
)
def test_a_number_without_its_leading_zero_is_linked_if_the_name_matches_too(typed):
    assert full_number(typed) == "012345678"
    account = a_person(number="012345678")
    patient = linked(a_patient(number=typed), account)
    assert (patient.link, patient.number) == (Link.LINKED, "012345678")
    other = linked(a_patient(number=typed, name="Somebody Else"), account)
    assert (other.link, other.number, other.person_id) == (Link.UNCONFIRMED, typed, "")
    assert same_details(
        Details(patient, date(2026, 3, 1)), Details(a_patient(number=typed), date(2026, 3, 1))
    )


@pytest.mark.parametrize("typed", ["", "1234", "1234567890", "12345678x", "one"])
def test_what_is_no_short_number_is_completed_to_none(typed):
    assert full_number(typed) == ""


def test_a_session_of_before_has_one_recording():
    session = a_session()
    raw = codec.encode(session)
    assert b"more_recordings" not in raw
    assert codec.decode(Session, raw).recordings == (session.recording,)


def test_a_session_with_several_recordings_is_for_programs_that_know_them():
    """Those of before refuse a form of version 2, so that they neither erase nor rewrite half of it."""
    session = a_session()
    session = replace(session, more_recordings=(session.recording,))
    raw = codec.encode(session)
    assert raw.startswith(b'{"schema_version":2,')
    assert codec.decode(Session, raw) == session


def test_the_next_version_is_numbered_after_the_greatest_not_after_the_one_in_force() -> None:
    assert a_session().next_number == 1
    assert a_session(transcript_number=2).next_number == 3
    assert a_session(transcript_number=2, last_number=5).next_number == 6
    assert a_session(transcript_number=5, last_number=2).next_number == 6


def test_a_session_with_versions_beyond_the_one_in_force_is_refused_by_older_programs() -> None:
    beyond = codec.encode(a_session(transcript_number=1, last_number=2))
    assert beyond.startswith(b'{"schema_version":3,')
    assert codec.decode(Session, beyond).last_number == 2
    in_force = codec.encode(a_session(transcript_number=2, last_number=2))
    assert in_force.startswith(b'{"schema_version":1,')


# Dates and titles.


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-31", "31-01-2026", "31/01/2026", " 31-01-2026 ", "31.1.2026", "2026/1/31"),
        *("2026-01-31T09:30:00.000Z", "2026-01-31 9:30", "2026-01-31T23:59:59+02:00"),
        *(
            "31.01.2026",
            "٣١-٠١-٢٠٢٦",
            "۳۱/۰۱/۲۰۲۶",
            "\u200f31-01-2026",
            "\u206731\u200e/1/2026\u2069",
        ),
        *("31־01־2026", "31–01–2026", "３１．０１．２０２６", "٢٠٢٦−٠١−٣١"),
    ],
)
def test_dates_are_read_in_whatever_signs_they_are_typed(text):
    assert parse_date(text, field="session_date") == date(2026, 1, 31)


@pytest.mark.parametrize("text", ["5-3-2026", "5/3/2026", "5.3.2026", "05-03-2026", "2026-3-5"])
def test_dates_need_no_zeros(text):
    assert parse_date(text, field="session_date") == date(2026, 3, 5)


@pytest.mark.parametrize(
    "text", ["01-01-0001", "1899-12-31", "04-03-2569", "5787-01-01", "1-1-2028"]
)
def test_years_of_other_calendars_and_typing_errors_are_refused(text):
    with pytest.raises(InvalidInput) as caught:
        parse_date(text, field="session_date", today=date(2026, 11, 25))
    assert (caught.value.field, caught.value.code) == ("session_date", "implausible_year")
    assert parse_date("31-12-2027", field="d", today=date(2026, 1, 1)) == date(2027, 12, 31)


@pytest.mark.parametrize(
    "text",
    [
        *("", "31-02-2026", "31-01/2026", "31-01-2026x", "1-1-26", "00-00-0000", "1--1-2026"),
        *("29-02-2025", "2026-13-01", "03/31/2026", "31-01-2026\x00", "31 01 2026", "²-1-2026x"),
    ],
)
def test_anything_else_is_no_date(text):
    with pytest.raises(InvalidInput) as caught:
        parse_date(text, field="session_date")
    assert (caught.value.field, caught.value.code) == ("session_date", "date")


@given(st.dates(min_value=date(1900, 1, 1)))
def test_every_date_survives_being_written_and_read(day):
    assert parse_date(f"{day:%d-%m-%Y}", field="d") == day
    assert parse_date(day.isoformat(), field="d") == day


def test_titles_are_in_the_practices_language():
    assert title_of(date(2026, 1, 31), "en") == "Session 31-01-2026"
    assert title_of(date(2026, 1, 31), "he") == "פגישה 31-01-2026"


def test_a_session_does_not_tell_its_patient_when_it_is_printed():
    shown = repr(a_session(summary="secret"))
    assert shown == "Session(id='s1', state=AWAITING_TRANSCRIPT, version=0)"
