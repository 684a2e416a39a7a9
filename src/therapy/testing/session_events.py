"""What `ports.session_events` promises; that publications may be lost is promised too, but not meanwhile."""

import asyncio
import logging

import pytest

from therapy.ports.session_events import SessionEvents
from therapy.testing.samples import PRACTICE, SESSION

PATIENCE = 5.0


class Publications:
    """Collects publications; `until` waits for so much."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    def __call__(self, practice_id: str, session_id: str) -> None:
        self.all.append((practice_id, session_id))
        self._news.set()

    async def until(self, count: int) -> list[tuple[str, str]]:
        async with asyncio.timeout(PATIENCE):
            while len(self.all) < count:
                self._news.clear()
                await self._news.wait()
        return self.all


async def test_a_publication_says_which_session_has_changed(session_events: SessionEvents) -> None:
    published = Publications()
    async with session_events.listen(published):
        await session_events.publish(PRACTICE, SESSION)
        assert await published.until(1) == [(PRACTICE, SESSION)]


async def test_everybody_who_listens_hears_every_publication(session_events: SessionEvents) -> None:
    one, other = Publications(), Publications()
    async with session_events.listen(one), session_events.listen(other):
        for number in range(20):
            await session_events.publish(PRACTICE, f"session-{number}")
        expected = {(PRACTICE, f"session-{number}") for number in range(20)}
        assert {*await one.until(20)} == {*await other.until(20)} == expected


async def test_publishing_does_not_wait_for_anyone_to_listen(session_events: SessionEvents) -> None:
    async with asyncio.timeout(PATIENCE):
        await session_events.publish(PRACTICE, SESSION)


async def test_whoever_has_stopped_listening_hears_nothing(session_events: SessionEvents) -> None:
    gone, there = Publications(), Publications()
    async with session_events.listen(gone):
        await session_events.publish(PRACTICE, "before")
        await gone.until(1)
    async with session_events.listen(there):
        await session_events.publish(PRACTICE, "after")
        await there.until(1)
    assert gone.all == [(PRACTICE, "before")]


async def test_who_fails_at_hearing_goes_on_listening_and_is_logged_by_its_class_only(
    session_events: SessionEvents, caplog: pytest.LogCaptureFixture
) -> None:
    published = Publications()

    def fail_at_the_first(practice_id: str, session_id: str) -> None:
        if session_id == "bad":
            raise ValueError("what the patient said")
        published(practice_id, session_id)

    with caplog.at_level(logging.INFO):
        async with session_events.listen(fail_at_the_first):
            await session_events.publish(PRACTICE, "bad")
            await session_events.publish(PRACTICE, "good")
            await published.until(1)
    told = [str(record.__dict__) for record in caplog.records]
    assert any("ValueError" in each for each in told)
    assert not any("what the patient said" in each for each in told)
