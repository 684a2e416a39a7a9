"""Everything that the SDK may raise becomes an error of the domain, and says nothing of anybody."""

import inspect
from typing import Any

import pytest
from azure.core import exceptions as core
from azure.core.rest import HttpRequest
from azure.cosmos import exceptions as cosmos

from therapy.adapters.azure.cosmos.errors import REASONS, cosmos_errors
from therapy.domain.errors import (
    AlreadyExists,
    Stale,
    StorageFull,
    TherapyError,
    TooLarge,
    Unavailable,
)

SECRET = "Jordan White slept badly"


def raised_by_the_sdk() -> list[type[Exception]]:
    """Every public exception class of azure.core and azure.cosmos."""
    found = [
        each
        for module in (core, cosmos)
        for name, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, Exception) and not name.startswith("_")
    ]
    return sorted(set(found), key=lambda each: each.__qualname__)


def made(kind: type[Exception]) -> Exception:
    """One of its kind, however it wants to be made."""
    ways: list[Any] = [
        lambda: kind(message=SECRET),
        lambda: kind(SECRET),
        lambda: kind(0, {}, 400, SECRET, []),
        lambda: kind(HttpRequest("GET", "http://127.0.0.1")),
        lambda: kind(response=None, message=SECRET, error=None),
    ]
    for way in ways:
        try:
            return way()
        except (TypeError, AttributeError):
            continue
    without = kind.__new__(kind)
    without.args = (SECRET,)
    return without


@pytest.mark.parametrize("kind", raised_by_the_sdk(), ids=lambda kind: kind.__name__)
def test_every_exception_of_the_sdk_is_mapped(kind: type[Exception]) -> None:
    assert kind in REASONS, "the SDK has a new exception: say what it means"
    with pytest.raises(TherapyError) as raised, cosmos_errors():
        raise made(kind)
    assert SECRET not in str(raised.value)
    assert SECRET not in repr(raised.value)
    assert isinstance(raised.value.__cause__, kind)


def test_nothing_is_mapped_that_the_sdk_does_not_have() -> None:
    assert set(REASONS) == set(raised_by_the_sdk())


@pytest.mark.parametrize(
    ("status", "sub_status", "kind", "reason"),
    [
        (400, None, Unavailable, "answer"),
        (401, None, Unavailable, "credentials"),
        (403, None, Unavailable, "forbidden"),
        (403, 1014, StorageFull, None),
        (404, None, Unavailable, "missing"),
        (408, None, Unavailable, "timeout"),
        (409, None, AlreadyExists, None),
        (410, None, Unavailable, "moved"),
        (412, None, Stale, None),
        (413, None, TooLarge, None),
        (429, None, Unavailable, "throttled"),
        (449, None, Unavailable, "contended"),
        (500, None, Unavailable, "answer"),
        (503, None, Unavailable, "out_of_order"),
    ],
)
def test_a_status_says_more_than_a_class(
    status: int, sub_status: int | None, kind: type[TherapyError], reason: str | None
) -> None:
    with pytest.raises(kind) as raised, cosmos_errors():
        raise cosmos.CosmosHttpResponseError(status, SECRET, sub_status=sub_status)
    assert raised.value.details.get("reason") == reason


def test_what_is_no_error_of_the_sdk_passes() -> None:
    with pytest.raises(KeyError), cosmos_errors():
        raise KeyError
    with pytest.raises(Stale), cosmos_errors():
        raise Stale


def test_waiting_too_long_is_being_unavailable() -> None:
    with pytest.raises(Unavailable, match="timeout"), cosmos_errors():
        raise TimeoutError
