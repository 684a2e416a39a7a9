"""How much may be under way at once: who is refused, with which code, and what makes room again."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from therapy.domain.concurrency_limit import ConcurrencyLimit
from therapy.domain.errors import TooMuchAtOnce, Unavailable


@pytest.fixture
def limit() -> ConcurrencyLimit:
    return ConcurrencyLimit(5, "busy", of_one=2, too_many="too_many", retry_after=7)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_one_person_has_a_part_and_is_told_so(limit, stack):
    for _ in range(2):
        stack.enter_context(limit.counted("a"))
    with pytest.raises(TooMuchAtOnce, match="too_many retry_after=7"), limit.counted("a"):
        pytest.fail("counted")
    stack.enter_context(limit.counted("b"))
    assert (limit.under_way("a"), limit.under_way("b")) == (2, 1)


def test_everybody_together_has_no_more_than_all(limit, stack):
    for whose in ("a", "a", "b", "b", "c"):
        stack.enter_context(limit.counted(whose))
    with pytest.raises(Unavailable, match="busy retry_after=7"), limit.counted("c"):
        pytest.fail("counted")
    with pytest.raises(TooMuchAtOnce, match="too_many"):  # their own part is what they can change
        limit.begin("a")


def test_without_a_part_of_one_a_person_may_have_all(stack):
    limit = ConcurrencyLimit(3, "busy", retry_after=1)
    for _ in range(3):
        stack.enter_context(limit.counted())
    with pytest.raises(Unavailable, match="busy"):
        limit.begin()


def test_what_has_ended_makes_room_however_it_ended_and_what_was_refused_takes_none(limit):
    for _ in range(10):
        with suppress(ZeroDivisionError), limit.counted("a"), limit.counted("a"):
            with pytest.raises(TooMuchAtOnce):
                limit.begin("a")
            raise ZeroDivisionError
    assert limit.under_way("a") == 0
    assert not limit._under_way, "nobody who has nothing under way is remembered"


def test_what_begins_and_ends_apart_is_counted_in_between(limit):
    limit.begin("a")
    limit.begin("a")
    limit.end("a")
    assert limit.under_way("a") == 1
    limit.begin("a")
    with pytest.raises(TooMuchAtOnce):
        limit.begin("a")
