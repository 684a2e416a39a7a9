"""What `ports.attempt_limits` promises."""

import asyncio
from datetime import datetime, timedelta

import pytest

from therapy.domain.attempts import Attempt, Quota, counted, wait
from therapy.ports.attempt_limits import AttemptLimits
from therapy.testing.samples import HOUR, MINUTE, NOW, SECOND

KEY = "sign-in.0123456789abcdef"
AT_ONCE = timedelta(0)


def an_attempt(number: int, source: str = "here", at: datetime = NOW) -> Attempt:
    return Attempt(f"attempt-{number}", source, at)


async def admitted(
    limits: AttemptLimits, count: int, quota: Quota, *, key: str = KEY, source: str = "here"
) -> int:
    """Make attempts one after another; return how many were admitted."""
    attempts = [an_attempt(number, source) for number in range(count)]
    return sum([await limits.take(key, each, quota) == AT_ONCE for each in attempts])


async def test_as_many_as_the_quota_says_are_admitted(attempt_limits: AttemptLimits) -> None:
    assert await admitted(attempt_limits, 12, Quota(5)) == 5


async def test_of_many_at_once_as_many_are_admitted(attempt_limits: AttemptLimits) -> None:
    waits = await asyncio.gather(
        *(attempt_limits.take(KEY, an_attempt(number), Quota(5)) for number in range(40))
    )
    assert waits.count(AT_ONCE) == 5


async def test_each_key_is_counted_by_itself(attempt_limits: AttemptLimits) -> None:
    assert await admitted(attempt_limits, 3, Quota(2)) == 2
    assert await admitted(attempt_limits, 3, Quota(2), key="another") == 2


async def test_what_is_refused_says_how_long_to_wait_and_is_not_counted(
    attempt_limits: AttemptLimits,
) -> None:
    quota = Quota(2)
    for number, minute in enumerate((0, 10)):
        attempt = an_attempt(number, at=NOW + minute * MINUTE)
        assert await attempt_limits.take(KEY, attempt, quota) == AT_ONCE
    for number in range(2, 6):
        refused = an_attempt(number, at=NOW + 20 * MINUTE)
        assert await attempt_limits.take(KEY, refused, quota) == 40 * MINUTE
    later = an_attempt(9, at=NOW + HOUR)
    assert await attempt_limits.take(KEY, later, quota) == AT_ONCE


async def test_the_window_slides(attempt_limits: AttemptLimits) -> None:
    quota = Quota(2)
    moments = [NOW, NOW + 50 * MINUTE, NOW + 61 * MINUTE, NOW + 62 * MINUTE, NOW + 111 * MINUTE]
    waits = [
        await attempt_limits.take(KEY, an_attempt(number, at=at), quota)
        for number, at in enumerate(moments)
    ]
    assert [each == AT_ONCE for each in waits] == [True, True, True, False, True]


async def test_what_is_given_back_was_never_counted(attempt_limits: AttemptLimits) -> None:
    quota = Quota(3)
    for number in range(20):
        attempt = an_attempt(number)
        assert await attempt_limits.take(KEY, attempt, quota) == AT_ONCE
        await attempt_limits.give_back(KEY, attempt, quota)
        await attempt_limits.give_back(KEY, attempt, quota)
    await attempt_limits.give_back("never-counted", an_attempt(0), quota)
    assert await admitted(attempt_limits, 5, quota) == 3


async def test_to_look_counts_nothing(attempt_limits: AttemptLimits) -> None:
    quota = Quota(2)
    for number in range(5):
        assert await attempt_limits.look(KEY, an_attempt(number), quota) == AT_ONCE
    assert await admitted(attempt_limits, 5, quota) == 2
    later = an_attempt(9, at=NOW + 10 * MINUTE)
    assert await attempt_limits.look(KEY, later, quota) == 50 * MINUTE


async def test_one_source_does_not_use_up_a_shared_quota(attempt_limits: AttemptLimits) -> None:
    quota = Quota(80, shared=True)
    assert await admitted(attempt_limits, 100, quota) == 9
    for number in range(50):
        attempt = an_attempt(0, f"source-{number}")
        assert await attempt_limits.take(KEY, attempt, quota) == AT_ONCE
    for number in range(50):
        attempt = an_attempt(1, f"source-{number}")
        assert await attempt_limits.take(KEY, attempt, quota) > AT_ONCE


async def test_a_shared_quota_is_used_up_by_as_many_sources(attempt_limits: AttemptLimits) -> None:
    quota = Quota(10, shared=True)
    waits = [
        await attempt_limits.take(KEY, an_attempt(0, f"source-{number}"), quota)
        for number in range(12)
    ]
    assert [each == AT_ONCE for each in waits] == [True] * 10 + [False] * 2


@pytest.mark.parametrize("shared", [False, True])
async def test_every_answer_is_what_the_domain_says(
    attempt_limits: AttemptLimits, shared: bool
) -> None:
    quota, made = Quota(7, HOUR, shared), tuple[Attempt, ...]()
    for number in range(60):
        attempt = an_attempt(number, f"s{number % 3}", NOW + number * number * SECOND)
        expected = wait(counted(made, HOUR, attempt.at), attempt.source, quota, attempt.at)
        assert await attempt_limits.take(KEY, attempt, quota) == expected
        made = made if expected else (*made, attempt)
