"""The stream of one follower: what is told when, signs of life, and how it ends."""

import asyncio
import itertools

import pytest

from tests.builders import SESSION
from tests.workflows.following import PATIENCE, QUICK, next_of, nothing_to_check
from tests.workflows.memory_installation import ACTOR
from therapy.domain.errors import NotFound
from therapy.domain.session_event import SessionEvent
from therapy.domain.session_status import SessionStatus
from therapy.workflows.followers import Follower, StreamPace


def a_follower() -> Follower:
    return Follower(ACTOR, SESSION, "scope", {})


async def test_without_news_a_sign_of_life_comes_now_and_then():
    stream = a_follower().stream(nothing_to_check, StreamPace(quiet=0.01, pause=0.0, check=60.0))
    assert [await next_of(stream) for _ in range(3)] == [[], [], []]


async def test_a_stream_ends_once_access_has_ended_without_what_was_not_told_yet():
    follower, asked = a_follower(), itertools.count(1)

    async def check() -> None:
        if next(asked) == 3:
            follower.tell(an_event(1))
            raise NotFound

    stream = follower.stream(check, StreamPace(quiet=60.0, pause=30.0, check=0.01))
    async with asyncio.timeout(PATIENCE):
        assert [news async for news in stream] == []
    assert next(asked) == 4


async def test_the_end_of_all_ends_a_stream_at_once_after_what_is_noted():
    follower = a_follower()
    stream = follower.stream(nothing_to_check, StreamPace(quiet=60.0, pause=30.0, check=60.0))
    follower.tell(an_event(1))
    assert [event.sequence for _, event in await next_of(stream)] == [1]
    follower.tell(an_event(2))
    waiting = asyncio.create_task(next_of(stream))
    await asyncio.sleep(0)
    follower.end()
    assert [event.sequence for _, event in await waiting] == [2]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_what_is_older_than_what_was_told_is_not_told():
    follower = a_follower()
    for sequence in (2, 1):
        follower.tell(an_event(sequence))
    follower.end()
    stream = follower.stream(nothing_to_check, QUICK)
    assert [[event.sequence for _, event in news] async for news in stream] == [[2]]


def an_event(sequence: int) -> SessionEvent:
    status = SessionStatus.TRANSCRIBING
    return SessionEvent(SESSION, status, "recognising", 0.5, None, None, sequence)
