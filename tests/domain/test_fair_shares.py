"""Places in the waiting list: whose recording is transcribed next, whatever the work really is."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, SECOND
from therapy.domain.fair_shares import (
    LEAST_WORK,
    MOST_WORK,
    expected_work,
    fair_place,
)
from therapy.domain.session import Recording

MINUTE = timedelta(minutes=1)


@dataclass
class Clinic:
    """One worker, which takes the first of the waiting list whenever it is free."""

    now: datetime = NOW
    free_at: datetime = NOW
    waiting: list[tuple[datetime, int, str, timedelta]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)

    def send(self, who: str, takes: timedelta, work: timedelta = MINUTE) -> None:
        own = [place for place, _, owner, _ in self.waiting if owner == who]
        first = min(self.waiting, default=None)
        overdue = first[0] if first and first[0] <= self.now else None
        place = fair_place(self.now, first=overdue, own=max(own, default=None), work=work)
        self.waiting.append((place, next(self.numbers), who, takes))

    def passes(self, time: timedelta) -> None:
        """Let time pass; the worker takes one after another."""
        end = self.now + time
        while self.waiting and self.free_at <= end:
            self.now = max(self.now, self.free_at)
            first = min(self.waiting)
            self.waiting.remove(first)
            self.done.append(first[2])
            self.free_at = self.now + first[3]
        self.now = end


@pytest.mark.parametrize("takes", [SECOND, 20 * SECOND, MINUTE])
@pytest.mark.parametrize("after", [0, 1, 5, 20])
def test_25_files_of_one_delay_a_colleagues_by_no_more_than_the_one_under_way(
    takes: timedelta, after: int
) -> None:
    clinic = Clinic()
    for _ in range(25):
        clinic.send("flooder", takes)
    clinic.passes(takes * after)
    before = len(clinic.done)
    clinic.send("colleague", takes)
    clinic.passes(takes * 25)
    assert clinic.done.index("colleague") <= max(before, 1)
    assert len(clinic.done) == 26


@pytest.mark.parametrize("factor", [2, 10, 100])
@pytest.mark.parametrize("after", [1, 5, 20])
def test_where_the_work_is_far_more_than_expected_it_is_one_more(factor: int, after: int) -> None:
    clinic, takes = Clinic(), MINUTE * factor
    for _ in range(25):
        clinic.send("flooder", takes)
    clinic.passes(takes * after)
    before = len(clinic.done)
    clinic.send("colleague", takes)
    clinic.passes(takes * 25)
    assert clinic.done.index("colleague") <= before + 1


def test_an_idle_worker_takes_one_after_another_without_waiting() -> None:
    clinic = Clinic()
    for _ in range(25):
        clinic.send("alone", SECOND, work=MOST_WORK)
    clinic.passes(25 * SECOND)
    assert clinic.done == ["alone"] * 25


def test_two_who_send_many_take_turns() -> None:
    clinic = Clinic()
    for who in ("first", "second"):
        for _ in range(5):
            clinic.send(who, SECOND)
    clinic.passes(MINUTE)
    assert clinic.done == ["first", "second"] * 5


def test_whoever_waits_is_not_passed_for_ever_by_those_who_send_one_at_a_time() -> None:
    clinic = Clinic()
    for _ in range(3):
        clinic.send("many", MINUTE)
    for number in range(100):
        clinic.send(f"one-{number}", MINUTE)
        clinic.passes(MINUTE)
    assert clinic.done.count("many") == 3


places = st.datetimes(NOW.replace(tzinfo=None) - timedelta(days=1), NOW.replace(tzinfo=None)).map(
    lambda moment: moment.replace(tzinfo=NOW.tzinfo)
)


@given(places, st.none() | places, st.integers(1, 10**4))
def test_a_place_is_behind_the_first_and_behind_the_own(
    first: datetime, own: datetime | None, seconds: int
) -> None:
    work = timedelta(seconds=seconds)
    place = fair_place(NOW, first=first, own=own, work=work)
    assert place >= first
    assert own is None or place >= own + work
    assert place <= max(first + LEAST_WORK, own + work if own else first)


def recording(size: int, media_type: str) -> Recording:
    return Recording("key", size, "hash", media_type)


def test_the_expected_work_is_about_the_length_of_the_recordings() -> None:
    hour = recording(88_200 * 3_600, "audio/wav")
    assert expected_work([hour]) == timedelta(hours=1)
    assert expected_work([hour, recording(8_000 * 1_800, "audio/mp4")]) == timedelta(hours=1.5)
    assert expected_work([recording(44, "audio/wav")]) == LEAST_WORK
    assert expected_work([recording(2**50, "audio/ogg")]) == MOST_WORK
