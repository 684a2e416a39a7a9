"""The adapters' one retry policy: how often, how long, what it says of it, and how it is stopped."""

import asyncio
import contextlib
import logging
from typing import Any

import pytest

from therapy.adapters.retry import SPREAD, RetryPolicy
from therapy.domain.errors import Unavailable

WORDS = "what a person said"


class Throttled(Exception):
    """A failure that passes; the other side may have named a pause."""

    def __init__(self, after: float | None = None) -> None:
        super().__init__(WORDS)
        self.after = after


class Call:
    """Fails in these ways, one after another, then gives its number."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.made = 0
        self.begun = asyncio.Event()

    async def __call__(self) -> int:
        self.made += 1
        self.begun.set()
        if self.failures:
            raise self.failures.pop(0)
        return self.made


def a_policy(*pauses: float, **changes: Any) -> RetryPolicy:
    return RetryPolicy(
        "it is tried again",
        pauses=pauses,
        **({"passes": lambda exc: isinstance(exc, Throttled)} | changes),
    )


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of what was logged of each retry."""
    ours = [each for each in caplog.records if each.name == "therapy.adapters.retry"]
    assert {each.message for each in ours} <= {"it is tried again"}
    return [vars(each) for each in ours]


async def test_a_call_is_made_again_until_it_succeeds() -> None:
    call = Call(Throttled(), Throttled())
    assert await a_policy(0.0, 0.0, 0.0).call(call) == 3
    assert await a_policy(0.0).call(lambda: asyncio.sleep(0, 7)) == 7


async def test_after_the_last_pause_its_last_failure_is_raised() -> None:
    failures = [Throttled() for _ in range(9)]
    call = Call(*failures)
    with pytest.raises(Throttled) as raised:
        await a_policy(0.0, 0.0).call(call)
    assert call.made == 3
    assert raised.value is failures[2]


@pytest.mark.parametrize("pauses", [(), (0.0, 0.0)])
async def test_what_does_not_pass_is_raised_at_once(pauses: tuple[float, ...]) -> None:
    call = Call(KeyError("gone"))
    with pytest.raises(KeyError):
        await a_policy(*pauses).call(call)
    assert call.made == 1


async def test_without_pauses_there_is_one_try() -> None:
    call = Call(Throttled())
    with pytest.raises(Throttled):
        await a_policy().call(call)
    assert call.made == 1


@pytest.mark.slow
async def test_pauses_are_those_of_the_policy_with_some_chance(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pauses = (0.04, 0.08, 0.16)
    for _ in range(5):
        await a_policy(*pauses).call(Call(Throttled(), Throttled(), Throttled()))
    made = [each["pause_s"] for each in told(caplog)]
    assert len(made) == 15
    for pause, usual in zip(made, pauses * 5, strict=True):
        assert abs(pause - usual) <= usual * SPREAD + 0.005  # rounded to hundredths
    assert len(set(made)) > 3


async def test_the_last_pause_is_repeated_where_there_is_no_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = a_policy(0.0, 0.04, for_ever=True)
    assert await policy.call(Call(*[Throttled() for _ in range(6)])) == 7
    first, *others = [each["pause_s"] for each in told(caplog)]
    assert first == 0
    assert all(0.03 <= pause <= 0.05 for pause in others)


async def test_a_pause_that_the_other_side_asks_for_is_kept_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = a_policy(600.0, 600.0, asked=lambda exc: exc.after, longest=1.0)
    assert await policy.call(Call(Throttled(0.0), Throttled(0.03))) == 3
    assert [each["pause_s"] for each in told(caplog)] == [0.0, 0.03]


async def test_a_pause_that_is_too_long_is_not_waited_for() -> None:
    call = Call(Throttled(after=2.0))
    with pytest.raises(Throttled):
        await a_policy(0.0, asked=lambda exc: exc.after, longest=1.0).call(call)
    assert call.made == 1


async def test_the_log_says_the_kind_and_never_the_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await a_policy(0.0).call(Call(Throttled()))
    away = a_policy(0.0, passes=lambda exc: isinstance(exc, Unavailable))
    await away.call(Call(Unavailable(reason="disconnected")))
    lines = [
        {name: each.get(name) for name in ("levelname", "error", "reason", "attempt")}
        for each in told(caplog)
    ]
    assert lines == [
        {"levelname": "WARNING", "error": "Throttled", "reason": None, "attempt": 1},
        {"levelname": "WARNING", "error": "Unavailable", "reason": "disconnected", "attempt": 1},
    ]
    assert WORDS not in str([vars(each) for each in caplog.records])


async def test_who_is_cancelled_in_a_pause_does_not_try_again() -> None:
    call = Call(Throttled())
    waiting = asyncio.create_task(a_policy(600.0).call(call))
    await call.begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert call.made == 1


async def test_a_cancellation_is_no_failure_that_passes() -> None:
    class Stuck(Call):
        async def __call__(self) -> int:
            await super().__call__()
            return await asyncio.sleep(600, 0)

    call = Stuck()
    waiting = asyncio.create_task(a_policy(0.0, passes=lambda _: True).call(call))
    await call.begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert call.made == 1


async def test_a_cancellation_that_the_call_swallowed_ends_the_tries_all_the_same() -> None:
    class Deaf(Call):
        async def __call__(self) -> int:
            with contextlib.suppress(asyncio.CancelledError):
                self.begun.set()
                await asyncio.sleep(600)
            return await super().__call__()

    call = Deaf(Throttled())
    waiting = asyncio.create_task(a_policy(600.0).call(call))
    await call.begun.wait()
    waiting.cancel()
    with pytest.raises(Throttled):
        await waiting
    assert call.made == 1


async def test_whoever_bounds_all_tries_gets_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await a_policy(600.0).call(Call(Throttled()))


async def test_many_may_use_one_policy_at_once() -> None:
    policy = a_policy(*[0.001] * 5)
    calls = [Call(*[Throttled() for _ in range(number % 7)]) for number in range(60)]
    results = await asyncio.gather(*map(policy.call, calls), return_exceptions=True)
    for number, result in enumerate(results):
        if number % 7 < 6:
            assert result == number % 7 + 1
        else:
            assert isinstance(result, Throttled)
            assert calls[number].made == 6
