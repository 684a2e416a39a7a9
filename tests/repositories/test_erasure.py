"""What erasing a cancelled session promises: all that it said is gone, whoever dies on the way."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.builders import (
    OTHER_PRACTICE,
    PRACTICE,
    SESSION,
    THERAPIST,
    a_run,
    a_session,
    a_version,
    an_entry,
    an_item,
)
from tests.repositories.changes import commit, everything, headers_of
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.insights import Insights
from therapy.domain.outbox import EraseDue
from therapy.domain.session import State
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import MOST_WRITES, Item, Store, Write
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition
from therapy.repositories.unique_keys import UniqueKey
from therapy.testing.clock import Clock
from therapy.workflows.erasure import erase_cancelled
from therapy.workflows.fingerprints import fingerprint

PARTITION = session_partition(PRACTICE, SESSION)
KEY = fingerprint(THERAPIST, a_session().recording.content_hash)
SECRET = "a secret of hers"


class Dying(Store):
    """A store whose process dies at its n-th commit, before or after that is written."""

    def __init__(self, store: Store, commits: int, *, written: bool) -> None:
        self._store = store
        self._left = commits
        self._written = written

    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        return await self._store.get(partition, *ids)

    async def list(self, partition: str, *prefix: str, **how: Any) -> tuple[Item, ...]:
        return await self._store.list(partition, *prefix, **how)

    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        self._left -= 1
        if self._left > 0 or self._written:
            await self._store.commit(partition, writes)
        if self._left <= 0:
            raise Unavailable(reason="died")

    async def due(self, *_: object) -> tuple[Item, ...]:
        raise NotImplementedError

    async def purge(self, limit: int) -> int:
        raise NotImplementedError


async def cancelled(
    records: Records, session_index: SessionIndex, *, state: State = State.CANCELLED
) -> None:
    """Write a session with everything that may hang on one."""
    await everything(
        records,
        a_session(state=state, title=SECRET, transcript_number=2),
        a_version(1, SECRET, insights=Insights(key_phrases=(SECRET,))),
        (a_run(),),
        (an_item("erase", what=EraseDue(SESSION)),),
    )
    await commit(records, *await records.transcripts.new(PRACTICE, a_version(2, SECRET)))
    await session_index.put(PRACTICE, an_entry(summary=SECRET))
    await commit(records, records.unique_keys.take(UniqueKey(PRACTICE, KEY, SESSION)))


async def erase(
    records: Records, session_index: SessionIndex, recordings: MemoryRecordings | None = None
) -> None:
    await erase_cancelled(
        PRACTICE,
        SESSION,
        records=records,
        recordings=recordings or MemoryRecordings(),
        session_index=session_index,
    )


async def assert_nothing_is_left(records: Records, session_index: SessionIndex) -> None:
    session = await records.sessions.load(PRACTICE, SESSION)
    assert (session.state, session.title, session.transcript_number) == (State.ERASED, "", 0)
    assert await headers_of(records, PRACTICE, SESSION) == ()
    for number in (1, 2):
        with pytest.raises(NotFound):
            await records.transcripts.load(PRACTICE, SESSION, number)
    items = await records.store.list(PARTITION)
    assert [item.kind for item in items] == ["outbox", "run", "session"]
    assert not [item for item in items if SECRET.encode() in item.body]
    with pytest.raises(NotFound):
        await session_index.get(PRACTICE, SESSION)
    key = await records.unique_keys.load(PRACTICE, KEY)
    assert key is not None
    assert key.value == ""


async def test_an_erased_session_has_lost_its_words_and_its_recording(
    records: Records, session_index: SessionIndex
) -> None:
    recordings = MemoryRecordings()
    await recordings.stage(PRACTICE, "upload", 0, b"voice")
    await recordings.keep(PRACTICE, "upload", 1, a_session().recording.key)
    await cancelled(records, session_index)
    for _ in range(2):
        await erase(records, session_index, recordings)
        await assert_nothing_is_left(records, session_index)
    assert recordings._kept == {}


@pytest.mark.parametrize("count", [MOST_WRITES - 1, 3 * MOST_WRITES + 1])
async def test_any_number_of_versions_is_erased(
    records: Records, session_index: SessionIndex, count: int
) -> None:
    await cancelled(records, session_index)
    for number in range(3, count + 3, 10):
        versions = [a_version(number + at, SECRET) for at in range(10)]
        new = [await records.transcripts.new(PRACTICE, each) for each in versions]
        await commit(records, *itertools.chain(*new))
    await erase(records, session_index)
    await assert_nothing_is_left(records, session_index)


@pytest.mark.parametrize("written", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("commits", [1, 2, 3])
async def test_whoever_dies_at_any_write_is_followed_by_one_who_ends_it(
    records: Records, session_index: SessionIndex, clock: Clock, commits: int, *, written: bool
) -> None:
    await cancelled(records, session_index)
    dying = Dying(records.store, commits, written=written)
    with pytest.raises(Unavailable):
        await erase(Records(dying, now=clock, new_id=records.new_id), session_index)
    await erase(records, session_index)
    await assert_nothing_is_left(records, session_index)


@pytest.mark.parametrize(
    "state", [each for each in State if each not in {State.CANCELLED, State.ERASED}]
)
async def test_what_is_not_cancelled_keeps_everything(
    records: Records, session_index: SessionIndex, state: State
) -> None:
    await cancelled(records, session_index, state=state)
    before = await records.store.list(PARTITION)
    await erase(records, session_index)
    assert await records.store.list(PARTITION) == before
    assert (await session_index.get(PRACTICE, SESSION)).summary == SECRET
    key = await records.unique_keys.load(PRACTICE, KEY)
    assert key is not None
    assert key.value == SESSION


async def test_a_session_that_is_not_there_is_no_error(
    records: Records, session_index: SessionIndex
) -> None:
    await erase(records, session_index)
    assert await records.store.list(PARTITION) == ()


async def test_erasing_touches_no_other_session(
    records: Records, session_index: SessionIndex
) -> None:
    others = [
        a_session(id="session-2", state=State.CANCELLED),
        a_session(practice_id=OTHER_PRACTICE, state=State.CANCELLED),
    ]
    for other in others:
        await everything(records, other, a_version(session_id=other.id))
    await cancelled(records, session_index)
    await erase(records, session_index)
    for other in others:
        stored = await records.sessions.load(other.practice_id, other.id)
        assert stored == replace(other, version=1)
        version = await records.transcripts.load(other.practice_id, other.id, 1)
        assert version == a_version(session_id=other.id)


async def test_a_fingerprint_that_leads_to_another_session_by_now_stays(
    records: Records, session_index: SessionIndex
) -> None:
    await cancelled(records, session_index)
    key = await records.unique_keys.load(PRACTICE, KEY)
    assert key is not None
    await commit(records, records.unique_keys.hand_over(key, "session-2"))
    await erase(records, session_index)
    assert await records.unique_keys.load(PRACTICE, KEY) == replace(
        key, value="session-2", version=2
    )
