"""Entries in several lists: writers that are late, die half way or race; lists and searches that are long."""

import asyncio
import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from tests.azure.cosmos_stores import Stores
from tests.builders import NOW, PRACTICE, SESSION, THERAPIST, an_entry
from therapy.adapters.azure.cosmos import session_index_items
from therapy.adapters.azure.cosmos.batch_steps import Fields, Step
from therapy.adapters.azure.cosmos.container_requests import Container, Item
from therapy.adapters.azure.cosmos.session_index import MOST_CONDITIONS, CosmosSessionIndex
from therapy.domain.errors import Unavailable
from therapy.domain.session_entry import SessionEntry
from therapy.domain.session_status import SessionStatus

pytestmark = pytest.mark.emulator

PEOPLE = [1, 2, 3]


class Watched(Container):
    """A container that does something of the test's before each write."""

    def __init__(self, container: Container, before: Callable[[], Any]) -> None:
        super().__init__(container._proxy, ())
        self._before = before

    async def create(self, pk: str, item_id: str, fields: Fields) -> Item | None:
        await self._before()
        return await super().create(pk, item_id, fields)

    async def replace(self, old: Item, fields: Fields) -> Item | None:
        await self._before()
        return await super().replace(old, fields)

    async def batch(self, pk: str, steps: list[Step]) -> int | None:
        await self._before()
        return await super().batch(pk, steps)


def watched(stores: Stores, before: Callable[[], Any]) -> CosmosSessionIndex:
    entries = CosmosSessionIndex(stores.cosmos)
    entries._container = Watched(stores.cosmos.session_index, before)
    return entries


def dying(stores: Stores, after: int) -> CosmosSessionIndex:
    """Entries whose process dies after so many writes."""
    written = count()

    async def die() -> None:
        if next(written) >= after:
            raise Unavailable(reason="killed")

    return watched(stores, die)


def entry_of(number: int, **changes: Any) -> SessionEntry:
    """An entry of this therapist and this patient; its sequence is the number."""
    entry = an_entry(therapist_id=f"therapist-{number}", patient_person_id=f"patient-{number}")
    return replace(entry, sequence=number, words=("calm", f"word{number}"), **changes)


async def seen_by(stores: Stores, number: int) -> list[list[int]]:
    """The sequences of the entries that this therapist, this patient and a search of theirs find."""
    therapist, patient = f"therapist-{number}", f"patient-{number}"
    answers = (
        await stores.session_index.of_therapist(PRACTICE, therapist, tuple(SessionStatus), "", 10),
        await stores.session_index.of_patient(PRACTICE, patient, "", 10),
        await stores.session_index.search(PRACTICE, therapist, "calm", "", 10),
    )
    return [[entry.sequence for entry in entries] for entries in answers]


async def only_seen_by(stores: Stores, wanted: int, sequence: int | None = None) -> None:
    for number in PEOPLE:
        expected = [sequence or wanted] if number == wanted else []
        assert await seen_by(stores, number) == [expected] * 3, number


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("following", ["again", "newer", "removed"])
async def test_a_move_that_died_half_way_leaves_no_trace_once_it_is_done_again(
    after: int, following: str, stores: Stores
) -> None:
    await stores.session_index.put(PRACTICE, entry_of(1))
    try:
        await dying(stores, after).put(PRACTICE, entry_of(2))
    except Unavailable:
        assert after < 7  # the first finds that there is one already
    await stores.session_index.put(
        PRACTICE, entry_of(1)
    )  # the older one is delivered again as well
    if following == "again":
        await stores.session_index.put(PRACTICE, entry_of(2))
        await only_seen_by(stores, 2)
    elif following == "newer":
        await stores.session_index.put(PRACTICE, entry_of(3))
        await only_seen_by(stores, 3)
    else:
        await stores.session_index.remove(PRACTICE, SESSION)
        await only_seen_by(stores, 0)


@pytest.mark.parametrize("after", range(5))
async def test_a_removal_that_died_half_way_is_done_by_the_next(after: int, stores: Stores) -> None:
    await stores.session_index.put(PRACTICE, entry_of(1))
    try:
        await dying(stores, after).remove(PRACTICE, SESSION)
    except Unavailable:
        assert after < 4
    await stores.session_index.remove(PRACTICE, SESSION)
    await stores.session_index.put(PRACTICE, entry_of(2))
    await only_seen_by(stores, 0)


@pytest.mark.parametrize("overtaken_by", ["a newer entry", "a removal"])
@pytest.mark.parametrize("after", range(4))
async def test_a_writer_that_was_overtaken_changes_nothing(
    after: int, overtaken_by: str, stores: Stores
) -> None:
    """It stands still before its home, or between its home and its lists, while somebody else writes."""
    await stores.session_index.put(PRACTICE, entry_of(1))
    here, go_on, written = asyncio.Event(), asyncio.Event(), count()

    async def stand_still() -> None:
        if next(written) >= after:
            here.set()
            await go_on.wait()

    late = asyncio.create_task(watched(stores, stand_still).put(PRACTICE, entry_of(2)))
    await here.wait()
    if overtaken_by == "a removal":
        await stores.session_index.remove(PRACTICE, SESSION)
    else:
        await stores.session_index.put(PRACTICE, entry_of(3))
    go_on.set()
    await late
    await only_seen_by(stores, 0 if overtaken_by == "a removal" else 3)


async def test_of_many_writers_at_once_the_newest_entry_is_in_its_lists_only(
    stores: Stores,
) -> None:
    chance = random.Random(7)
    entries = [replace(entry_of(chance.choice(PEOPLE)), sequence=number) for number in range(1, 9)]
    chance.shuffle(entries)
    await asyncio.gather(*(stores.session_index.put(PRACTICE, entry) for entry in entries))
    (newest,) = [entry for entry in entries if entry.sequence == 8]
    await only_seen_by(stores, int(newest.therapist_id[-1]), 8)


async def test_an_entry_that_is_written_again_does_not_write_its_words_again(
    stores: Stores,
) -> None:
    await stores.session_index.put(PRACTICE, entry_of(1))
    stores.emulator.clear()
    await stores.session_index.put(PRACTICE, entry_of(1))
    once = stores.emulator.seen()["containers"]["practice-session-entries"]["bytes_in"]
    stores.emulator.clear()
    await stores.session_index.put(
        PRACTICE, replace(entry_of(1), words=("calm", *map(str, range(2_000))))
    )
    words = stores.emulator.seen()["containers"]["practice-session-entries"]["bytes_in"]
    assert words > once + 10_000


async def test_more_words_than_a_query_asks_for_are_checked_here(stores: Stores) -> None:
    wanted = [f"{chr(97 + number)}x" for number in range(MOST_CONDITIONS + 3)]
    for day in range(1, 8):
        words = tuple(wanted[:-1] if day % 2 else wanted)
        entry = an_entry(session_id=f"day-{day}", date=date(2026, 3, day), words=words)
        await stores.session_index.put(PRACTICE, entry)
    found = await stores.session_index.search(PRACTICE, THERAPIST, " ".join(wanted), "", 2)
    assert [entry.session_id for entry in found] == ["day-6", "day-4"]
    found = await stores.session_index.search(
        PRACTICE, THERAPIST, " ".join(wanted), found[-1].sort_key, 9
    )
    assert [entry.session_id for entry in found] == ["day-2"]


MANY = 10_000


async def filled(stores: Stores, many: int) -> None:
    """A therapist's list as so many `put`s would have left it."""
    pk = session_index_items.of_therapist(PRACTICE, THERAPIST)
    for first in range(0, many, 50):
        steps = []
        for number in range(first, first + 50):
            entry = an_entry(
                session_id=f"s{number:05}",
                created_at=NOW + timedelta(seconds=number),
                state=SessionStatus.CLOSED if number % 100 else SessionStatus.FAILED,
                words=("sleep", "rare")
                if number % 2_000 == 11
                else ("sleep",) * (number % 10 == 0),
            )
            steps += session_index_items.steps_of(entry.session_id, entry, 1, None, pk)
        assert await stores.cosmos.session_index.batch(pk, steps) is None


@pytest.mark.slow
async def test_a_therapist_with_10000_sessions_gets_a_page_for_one_request(stores: Stores) -> None:
    await filled(stores, MANY)

    async def asked(call: Any, requests: int) -> list[str]:
        stores.emulator.clear()
        entries = await call
        assert stores.requests() == requests
        assert stores.emulator.cross_partition() == 0
        return [entry.session_id for entry in entries]

    entries = stores.session_index
    closed = await asked(
        entries.of_therapist(PRACTICE, THERAPIST, {SessionStatus.CLOSED}, "", 500), 1
    )
    assert (len(closed), closed[0], closed[98]) == (500, "s09999", "s09901")
    before = an_entry(session_id="s05000", created_at=NOW + timedelta(seconds=5_000)).sort_key
    middle = await asked(
        entries.of_therapist(PRACTICE, THERAPIST, tuple(SessionStatus), before, 50), 1
    )
    assert (len(middle), middle[0], middle[-1]) == (50, "s04999", "s04950")
    found = await asked(entries.search(PRACTICE, THERAPIST, "rar slee", "", 500), 2)
    assert found == ["s08011", "s06011", "s04011", "s02011", "s00011"]
    for each in stores.emulator.seen()["queries"]:
        assert "c.pk = @pk AND c." in each["query"], "a range of the index of one partition"
        assert "ORDER BY" in each["query"]
