"""The error tree as it is drawn, and what an error says."""

from __future__ import annotations

import re

import pytest

from therapy.domain import errors
from therapy.domain.errors import (
    CallerError,
    EngineFailed,
    ErrorClass,
    InvalidInput,
    LanguageNotSupported,
    NotFound,
    TherapyError,
    TryAgain,
    UndecodableAudio,
    WorkFailed,
)


def drawn() -> list[tuple[str, str]]:
    """(class, parent) of every line of the drawing in the module's docstring."""
    found, path = [], []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    (?P<tree>(?:[│ ]   )*(?:[├└]── )?)(?P<name>[A-Z]\w+)\b", line):
            depth = len(match["tree"]) // 4
            path = [*path[:depth], match["name"]]
            found.append((match["name"], path[-2] if depth else "Exception"))
    return found


def classes(root: type[TherapyError] = TherapyError) -> list[type[TherapyError]]:
    return [root, *(below for each in root.__subclasses__() for below in classes(each))]


OURS = [each for each in classes() if each.__module__ == errors.__name__]


def test_the_drawing_is_the_tree():
    assert drawn() == [(each.__name__, each.__mro__[1].__name__) for each in OURS]


def test_the_drawing_has_three_branches_for_who_must_act():
    assert [name for name, parent in drawn() if parent == "TherapyError"] == [
        *("CallerError", "TryAgain", "WorkFailed"),
    ]


@pytest.mark.parametrize("kind", OURS)
def test_every_class_says_who_raises_it(kind):
    assert kind.__doc__
    assert kind is TherapyError or "Raised" in kind.__doc__


def test_leaves_have_codes_of_their_own():
    leaves = [each for each in OURS if not each.__subclasses__()]
    codes = [each.code for each in leaves]
    assert len(codes) == len(set(codes))
    assert "error" not in codes


def test_an_error_says_its_code_and_details():
    error = NotFound(session="s1")
    assert (error.code, error.details, str(error)) == (
        "not_found",
        {"session": "s1"},
        "not_found session=s1",
    )
    assert NotFound("other").code == "other"
    assert str(TherapyError()) == "error"


def test_invalid_input_names_its_field():
    error = InvalidInput("patient.id", "required")
    assert (error.field, error.code) == ("patient.id", "required")
    assert error.details == {"field": "patient.id"}
    assert InvalidInput("x").code == "invalid"


def test_work_that_failed_says_whether_trying_again_may_help():
    assert EngineFailed().error_class is ErrorClass.TRANSIENT
    assert EngineFailed("model", transient=False).error_class is ErrorClass.PERMANENT
    assert UndecodableAudio().error_class is ErrorClass.PERMANENT
    assert LanguageNotSupported().error_class is ErrorClass.PERMANENT


@pytest.mark.parametrize("kind", OURS)
def test_every_error_is_one_of_ours_and_of_one_branch(kind):
    assert issubclass(kind, TherapyError)
    branches = [one for one in (CallerError, TryAgain, WorkFailed) if issubclass(kind, one)]
    assert len(branches) == (kind is not TherapyError)
