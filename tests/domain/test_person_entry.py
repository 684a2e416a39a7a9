"""Entries of people: what a search looks at, in which order it answers, and what is not in them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.builders import a_person
from therapy.domain import codec
from therapy.domain.people import Role
from therapy.domain.person_entry import (
    PersonEntry,
    person_entry_of,
    person_fields,
    person_found,
)
from therapy.domain.text_folding import fold, query_forms
from therapy.testing.strategies import texts

JORDAN = person_entry_of(
    a_person(full_name="Jordan O’Neil-White", email="Jordan@Example.Health", number="123456789")
)


def test_an_entry_says_what_is_shown_of_an_account():
    person = a_person(
        date_of_birth=date(1990, 5, 17), picture_url="https://example.org/p.png", version=7
    )
    entry = person_entry_of(person)
    for field in ("id", "practice_id", "role", "email", "full_name", "number", "public_id"):
        assert getattr(entry, field) == getattr(person, field)
    assert (entry.date_of_birth, entry.picture_url) == (person.date_of_birth, person.picture_url)
    assert entry.sequence == 7


def test_no_password_and_nothing_that_is_not_shown_is_in_an_entry():
    stored = codec.encode(person_entry_of(a_person(password_hash="a secret hash", demo=True)))
    assert b"secret" not in stored
    assert set(PersonEntry.__struct_fields__) == {
        *("id", "practice_id", "role", "email", "full_name", "sequence"),
        *("number", "date_of_birth", "picture_url"),
    }


def test_a_patient_is_called_by_their_number_and_a_therapist_by_their_id():
    assert JORDAN.public_id == "123456789"
    assert replace(JORDAN, number="", role=Role.THERAPIST).public_id == JORDAN.id


@pytest.mark.parametrize(
    "query",
    ["jordan", "ONEIL", "o'neil-w", "neil", " white ", "@example", "345", "123456789", "HEALTH"],
)
def test_a_part_of_name_address_or_number_finds(query):
    assert person_found(JORDAN, query)


@pytest.mark.parametrize("query", ["jordan white", "white jordan", "1235", "north", "PATIENT"])
def test_what_is_part_of_none_of_them_does_not_find(query):
    assert not person_found(JORDAN, query)


def test_hebrew_is_found_with_and_without_points_and_final_letters():
    entry = replace(JORDAN, full_name="מֹשֶׁה שלום")
    for query in ("משה", "שלומ", "שלום", "מֹשֶׁה"):
        assert person_found(entry, query)


@given(texts, texts, st.sampled_from(["", "123456789"]), texts)
def test_whatever_a_field_holds_is_found(name, email, number, query):
    entry = replace(JORDAN, full_name=name, email=email, number=number)
    if any(fold(query) in fold(each) for each in (name, email, number)):
        assert person_found(entry, query)


@given(texts, texts, st.sampled_from(["", "123456789"]), texts)
def test_what_is_found_has_the_letters_of_the_query(name, email, number, query):
    entry = replace(JORDAN, full_name=name, email=email, number=number)
    if fold(query) and person_found(entry, query):
        held = [letters(each) for each in person_fields(entry)]
        assert any(letters(form) in each for form in query_forms(query) for each in held)


def letters(text):
    return "".join(each for each in text if each.isalnum())


@given(texts, texts)
def test_no_field_has_an_end_of_a_line(name, email):
    """Indexes put the fields into one text, a line each."""
    entry = replace(JORDAN, full_name=name, email=email)
    assert not [field for field in person_fields(entry) if len(f"{field}.".splitlines()) != 1]


@given(st.lists(st.tuples(texts, st.sampled_from("abc")), max_size=6))
def test_lists_are_in_order_of_the_folded_name_then_the_id(people):
    entries = [replace(JORDAN, id=each_id, full_name=name) for name, each_id in people]
    ordered = sorted(entries, key=lambda entry: entry.sort_key)
    names = [(fold(entry.full_name), entry.id) for entry in ordered]
    assert names == sorted(names)


def test_an_entry_that_is_shown_keeps_name_and_address():
    shown = repr(JORDAN)
    assert "Jordan" not in shown
    assert "Example" not in shown
    assert "123456789" not in shown
