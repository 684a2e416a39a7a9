"""Searches: how many may be under way, and for how long."""

import asyncio
from datetime import timedelta

import pytest

from tests.builders import an_actor
from therapy.domain.errors import TooMuchAtOnce, Unavailable
from therapy.workflows.searches import AT_ONCE, Searches

ACTOR = an_actor()
LONG = timedelta(minutes=1)


class Search:
    """A search that goes on until it is let go; `running` says whether it has begun and not ended."""

    def __init__(self, searches: Searches, person_id: str = ACTOR.person_id) -> None:
        self._free = asyncio.Event()
        self.running = self.cancelled = False
        self.task = asyncio.create_task(searches.run(an_actor(person_id=person_id), self._search))

    async def _search(self) -> str:
        self.running = True
        try:
            await self._free.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.running = False
        return "found"

    async def ended(self) -> str:
        self._free.set()
        return await self.task


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_search_gives_what_it_finds() -> None:
    assert await Search(Searches()).ended() == "found"


async def test_one_person_searches_once_at_a_time_and_another_need_not_wait() -> None:
    searches = Searches(within=LONG)
    first, second = Search(searches), Search(searches)
    other = Search(searches, "therapist-2")
    await settle()
    assert (first.running, second.running, other.running) == (True, False, True)
    assert await first.ended() == "found"
    await settle()
    assert second.running
    assert [await second.ended(), await other.ended()] == ["found", "found"]


async def test_beyond_what_one_person_may_have_under_way_a_search_is_refused_at_once() -> None:
    searches = Searches(most_of_one=2, within=LONG)
    under_way = [Search(searches), Search(searches)]
    await settle()
    with pytest.raises(TooMuchAtOnce) as refused:
        await Search(searches).task
    assert (refused.value.code, refused.value.details) == ("too_many_searches", {"retry_after": 1})
    assert [await each.ended() for each in under_way] == ["found", "found"]
    assert await Search(searches).ended() == "found"


async def test_beyond_what_may_be_under_way_in_all_a_search_is_refused_at_once() -> None:
    searches = Searches(most_in_all=3, within=LONG)
    under_way = [Search(searches, f"therapist-{number}") for number in range(3)]
    await settle()
    assert sum(each.running for each in under_way) == AT_ONCE
    with pytest.raises(Unavailable, match="searches_busy"):
        await Search(searches, "therapist-4").task
    assert [await each.ended() for each in under_way] == ["found"] * 3


async def test_a_search_that_takes_too_long_is_cancelled_and_refused() -> None:
    searches = Searches(within=timedelta(milliseconds=20))
    slow, waiting = Search(searches), Search(searches)
    with pytest.raises(Unavailable) as refused:
        await slow.task
    assert (refused.value.code, refused.value.details) == ("search_too_slow", {"retry_after": 1})
    assert slow.cancelled
    await settle()
    assert waiting.running
    assert await waiting.ended() == "found"


async def test_a_search_whose_client_is_gone_makes_room() -> None:
    searches = Searches(most_of_one=1, within=LONG)
    gone = Search(searches)
    await settle()
    gone.task.cancel()
    await asyncio.wait({gone.task})
    assert gone.cancelled
    assert await Search(searches).ended() == "found"
