"""Addresses, numbers, passwords and names of people."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import a_person
from therapy.domain.errors import InvalidInput
from therapy.domain.people import (
    MAX_PASSWORD,
    MIN_PASSWORD,
    Role,
    check_email,
    check_number,
    check_password,
    common_forms,
    email_key,
    same_name,
)


@pytest.mark.parametrize("email", ["a@b", " olivia.hayes1@example.health ", "דנה@example.health"])
def test_addresses_are_given_back_without_outer_blanks(email):
    assert check_email(email) == email.strip()


@pytest.mark.parametrize(
    "email",
    ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@b\x00", "a@b\nc", "x" * 65 + "@b", "a@" + "b" * 191],
)
def test_what_is_no_address_is_refused_without_being_quoted(email):
    with pytest.raises(InvalidInput) as caught:
        check_email(email)
    assert (caught.value.field, caught.value.code) == ("email", "email")
    assert str(caught.value) == "email field=email"


def test_an_address_is_found_in_any_case():
    assert email_key(" Olivia@Example.HEALTH ") == email_key("olivia@example.health")


def test_a_number_has_nine_digits():
    assert check_number(" 012345678 ") == "012345678"


@pytest.mark.parametrize(
    "number",
    [
        "",
        "12345678",
        "1234567890",
        "12345678a",
        "123 45678",
        "٠١٢٣٤٥٦٧٨",
        "-12345678",
        "12345678\x00",
    ],
)
def test_anything_else_is_no_number(number):
    with pytest.raises(InvalidInput) as caught:
        check_number(number)
    assert caught.value.code == "patient_number"


def checked(password: str, email: str) -> str:
    return check_password(password, email=email, is_common=password == "sunshine")


@pytest.mark.parametrize(
    ("password", "forms"),
    [
        ("Sunshine", ("sunshine",)),
        (" Sunshine_1!!", (" sunshine_1!!", "sunshine_1")),
        ("STRASSE\u0308", ("strass\u00eb",)),
        ("!!!", ("!!!", "")),
    ],
)
def test_a_password_is_looked_for_in_small_letters_and_without_signs_around(password, forms):
    assert common_forms(password) == forms


def test_a_common_password_is_refused_by_its_own_code():
    with pytest.raises(InvalidInput) as caught:
        checked("sunshine", "olivia@example.health")
    assert (caught.value.field, caught.value.code) == ("newPassword", "common_password")
    assert checked("sunshine and rain", "olivia@example.health") == "sunshine and rain"


@pytest.mark.parametrize("password", ["correct horse", "a1b2c3d4", "סיסמה ארוכה", "x9!" * 80])
def test_long_enough_passwords_are_taken_as_they_are(password):
    assert checked(password, "olivia@example.health") == password


@pytest.mark.parametrize(
    "password",
    [
        *("", "short12", "a" * 20, "abababab", "x9!" * 90),
        *("olivia@example.health", "OLIVIA@EX", "example.health"),
    ],
)
def test_weak_passwords_are_refused_without_being_quoted(password):
    with pytest.raises(InvalidInput) as caught:
        checked(password, "olivia@example.health")
    assert (caught.value.field, caught.value.code) == ("newPassword", "weak_password")
    assert caught.value.details["least"] == MIN_PASSWORD
    assert str(caught.value) == "weak_password field=newPassword least=8"


@given(st.text(max_size=300), st.text(max_size=30))
def test_no_password_raises_anything_else(password, email):
    with contextlib.suppress(InvalidInput):
        assert MIN_PASSWORD <= len(checked(password, email)) <= MAX_PASSWORD


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Jordan White", " jordan  WHITE", True),
        ("Jordan White", "White Jordan", False),
        ("Jordan White", "Jordan Whyte", False),
        ("Zoë O’Neil-Smith", "Zoe O'Neil Smith", True),
        ("דָּנָה כהן", "דנה כהן", True),
        ("דנה כהן", "דנה לוי", False),
        ("", "", False),
        ("?", "!", False),
    ],
)
def test_names_are_the_same_but_for_case_blanks_marks_and_punctuation(one, other, same):
    assert same_name(one, other) is same
    assert same_name(other, one) is same


def test_the_app_calls_a_patient_by_number_and_a_therapist_by_id():
    assert a_person().public_id == "123456789"
    assert a_person(id="olivia", role=Role.THERAPIST, number="").public_id == "olivia"


def test_a_person_is_printed_without_name_address_or_password():
    assert repr(a_person()) == "Person(id='jordan', practice_id='north', role=PATIENT)"
