"""Searching in Hebrew and English, and the entries that lists are made of."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.builders import (
    NOW,
    a_linked_patient,
    a_patient,
    a_run,
    a_session,
    a_version,
    said,
)
from therapy.domain.run import RunState
from therapy.domain.sentiment import NEUTRAL, Scores
from therapy.domain.session import Details, Link, State
from therapy.domain.session_entry import entry_of, found, search_fields
from therapy.domain.session_status import SessionStatus
from therapy.domain.text_folding import (
    distinct_words,
    finds,
    fold,
    loose,
    normalise,
    plain,
    query_forms,
    text_forms,
    words_of,
)


def words_in(*texts: str) -> tuple[str, ...]:
    return distinct_words(texts)


# Words.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("JORDAN White", "jordan  white"),
        ("שָׁלוֹם", "שלום"),
        ("שלום", "שלומ"),
        ('צה"ל', "צה״ל"),
        ("ג'ירפה", "ג׳ירפה"),
        ("O’Brien", "o'brien"),
        ("Zoë", "ZOE"),
        ("ﬁne", "FINE"),
        ("Straße", "STRASSE"),
        ("\u200fשלום\u200e", "שלום"),
        ("ﭐ", "ﭑ"),
        ("a\n\tb\u2028c", "a b c"),
    ],
)
def test_these_are_the_same_when_they_are_compared(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't, won't!", ["dont", "wont"]),
        ('הוא שירת בצה"ל.', ["הוא", "שירת", "בצהל"]),
        ("בית־ספר", ["בית", "ספר"]),
        ('"שלום" אמרתי', ["שלומ", "אמרתי"]),
        ("step-by-step", ["step", "by", "step"]),
        ("'' -- … ?!", []),
        ("snake_case 31-01", ["snake", "case", "31", "01"]),
    ],
)
def test_words_have_no_points_quotes_or_punctuation(text, words):
    assert words_of(text) == words


def test_plain_text_keeps_final_letters_and_quotes():
    assert plain('שָׁלוֹם  צה"ל I’M') == 'שלום צה"ל i’m'


@given(st.text(st.characters(max_codepoint=127)))
def test_a_hebrew_point_changes_no_english_text_and_how_it_is_folded(text):
    """A text of ASCII alone is folded in a shorter way; a point, which is dropped, makes it the long one."""
    pointed = f"{text}\u05b0"
    assert plain(text) == plain(pointed)
    assert fold(text) == fold(pointed)
    assert text_forms(text) == text_forms(pointed)


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
    assert normalise(normalise(text)) == normalise(text)


@given(st.text())
def test_folded_text_has_single_blanks_and_no_line_ends(text):
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert all(word and " " not in word for word in words_of(text))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Bar-Lev", "bar lev"),
        ("בר־לב", "בר לב"),
        ("ג׳ורג׳", "גורג"),
        ("٢٥/١١/٢٠٢٦", "25 11 2026"),
        ("St. Martin's, Ltd.", "st martins ltd"),
        ('he said "yes"', "he said yes"),
        ("10_% !?", "10_% !?"),
        ('" OR "', '" or "'),
        (" - ", ""),
    ],
)
def test_the_loose_form_has_no_hyphens_points_and_quotes_at_words(text, form):
    assert loose(text) == form


@given(st.text(alphabet="ab ם'׳-־.,\"1٣/", max_size=12))
def test_every_text_is_found_by_itself_and_by_its_forms(text):
    if fold(text):
        for query in (text, *text_forms(text)):
            assert finds(query, fields=[text], words=())


@pytest.mark.parametrize(
    "query", ["25/11/2026", "25.11.2026", "5/3/2026", "Bar Lev", "בר לב", "O‘Neil"]
)
def test_what_an_older_program_stored_folded_only_is_found(query):
    stored = [fold(text) for text in ("25-11-2026", "05-03-2026", "Bar-Lev", "בר־לב", "O’Neil")]
    assert any(form in field for form in query_forms(query) for field in stored)


def test_distinct_words_are_sorted_and_there_once():
    assert words_in("b a", "A c") == ("a", "b", "c")


# Finding.


@pytest.mark.parametrize(
    "query",
    [
        "white",
        "DAN WH",
        "jordan white",
        "1234",
        "hayes",
        "01-03-2026",
        "2026-03",
        "work",
        "  Work ",
    ],
)
def test_a_part_of_a_field_finds_a_session(query):
    assert found(an_entry(), query)


@pytest.mark.parametrize(
    "query",
    ["anx", "anxious", "anxious sleep", "SLEEPING anx", "חלום", "חלומות", "חלומ", "בצהל", 'בצה"ל'],
)
def test_beginnings_of_words_of_the_transcript_find_a_session(query):
    assert found(an_entry(), query)


@pytest.mark.parametrize(
    "query",
    ["", "   ", "nxious", "anxious happy", "???", "לומות", "02-03-2026", "white jordan", "\u200f"],
)
def test_anything_else_finds_nothing(query):
    assert not found(an_entry(), query)


def an_entry():
    session = a_session(state=State.CLOSED, summary="Stress at work", transcript_number=2)
    lines = [said(0, "I was anxious, not sleeping."), said(1, 'חָלַמְתִּי חלומות על השירות בצה"ל')]
    return entry_of(session, [], a_version(lines))


@given(st.lists(st.sampled_from(["anxious", "sleeping", "חלומות", "was"]), min_size=1), st.data())
def test_any_beginnings_of_words_find(words, data):
    beginnings = [word[: data.draw(st.integers(2, len(word)))] for word in words]
    assert finds(" ".join(beginnings), fields=(), words=words_in(*words))


@given(st.text(), st.lists(st.text()), st.lists(st.text()))
def test_no_query_raises(query, fields, texts):
    result = finds(query, fields=fields, words=words_in(*texts))
    assert result or query not in fields or not fold(query)


# Entries.


def test_an_entry_is_what_lists_show_of_a_session():
    patient = a_linked_patient()
    session = a_session(
        patient=patient,
        state=State.CLOSED,
        summary="Stress",
        title="Session",
        version=4,
        scores=Scores(0.2, 0.3, 0.5),
    )
    entry = entry_of(
        session, [a_run(version=3), a_run(id="r2", version=2)], a_version([said(0, "Hi")])
    )
    assert (entry.session_id, entry.practice_id, entry.therapist_id) == ("s1", "north", "olivia")
    assert (entry.patient_number, entry.patient_name) == ("123456789", "Jordan White")
    assert (entry.state, entry.sequence, entry.patient_person_id) == (
        SessionStatus.CLOSED,
        9,
        "jordan",
    )
    assert (entry.title, entry.summary, entry.scores) == (
        "Session",
        "Stress",
        Scores(0.2, 0.3, 0.5),
    )
    assert entry.words == ("hi",)


def test_words_are_searched_only_once_a_session_is_closed():
    version = a_version([said(0, "Hi")])
    assert entry_of(a_session(state=State.AWAITING_REVIEW), [], version).words == ()
    assert entry_of(a_session(state=State.CLOSED), [], None).words == ()


def test_an_entry_has_the_state_that_clients_see():
    broken = a_run(state=RunState.FAILED, error_code="decode")
    assert entry_of(a_session(), [broken], None).state is SessionStatus.FAILED


@pytest.mark.parametrize("link", [Link.UNCONFIRMED, Link.NO_ACCOUNT])
def test_only_a_linked_account_is_on_the_entry(link):
    session = a_session(patient=a_patient(person_id="jordan", link=link))
    assert entry_of(session, [], None).patient_person_id == ""


def test_an_entry_without_scores_is_neutral():
    assert entry_of(a_session(), [], None).scores == NEUTRAL


def test_entries_sort_by_date_then_by_when_they_came():
    def key(day: int, received: timedelta, session_id: str = "s") -> str:
        details = Details(patient=a_patient(), date=date(2026, 3, day))
        return entry_of(
            replace(a_session(id=session_id, created_at=NOW + received), details=details), [], None
        ).sort_key

    keys = [
        key(1, timedelta(days=9)),
        key(2, timedelta(0), "a"),
        key(2, timedelta(0), "b"),
        key(2, timedelta(microseconds=1)),
        key(2, timedelta(milliseconds=500)),
        key(2, timedelta(seconds=1)),
    ]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_an_entry_does_not_tell_its_patient_when_it_is_printed():
    entry = an_entry()
    assert repr(entry) == "SessionEntry(session_id='s1', state=CLOSED)"
    assert "Stress at work" in search_fields(entry)
