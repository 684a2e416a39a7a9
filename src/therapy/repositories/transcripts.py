"""Transcripts: the versions of a session's transcript, kept until the session is erased.

    version-<n>    the header: who made it, when, from which version, how many lines; small, for lists
    text-<n>       the whole version without scores and insights; written with its header, never again
    scores-<n>     the scores of its utterances, and the language that could not be scored
    insights-<n>   its insights

Scores and insights may be written later and replaced; the words never change. An hour of speech is about
450 kB, so long texts are encoded and decoded in a thread.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.codec import LONG
from therapy.domain.errors import NotFound, Stale
from therapy.domain.insights import Insights
from therapy.domain.playback import Playback
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion
from therapy.domain.transcript_parts import (
    VersionHeader,
    VersionScores,
    header_of,
    scores_of,
    with_scores_of,
    without_findings,
)
from therapy.ports.store import MOST_ITEMS, Item, Store
from therapy.repositories.change import Pending
from therapy.repositories.playbacks import ITEM as PLAYBACK
from therapy.repositories.playbacks import Playbacks
from therapy.repositories.repository import Repository
from therapy.repositories.sessions import session_partition

MANY_LINES = 200
"""From this many lines on a text is encoded in a thread."""

HEADER = "version"
"""The kind of a version's header."""

S = TypeVar("S", bound=Struct)
T = TypeVar("T")

MOST_VERSIONS = 999_999
"""The greatest number of a version: ids have six digits, so that they sort like numbers."""


class _Numbered(Repository[S]):
    """Stores one part of each version under the version's number."""

    def id_of(self, number: int) -> str:
        return f"{self.kind}-{number:06}"


class _Headers(_Numbered[VersionHeader]):
    kind = HEADER
    struct = VersionHeader


class _Texts(_Numbered[TranscriptVersion]):
    kind = "text"
    struct = TranscriptVersion


class _Scores(_Numbered[VersionScores]):
    kind = "scores"
    struct = VersionScores


class _Insights(_Numbered[Insights]):
    kind = "insights"
    struct = Insights


class Transcripts:
    """Stores the versions of transcripts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._headers = _Headers(store)
        self._texts = _Texts(store)
        self._scores = _Scores(store)
        self._insights = _Insights(store)
        self._playbacks = Playbacks(store)

    def header_in(self, item: Item) -> VersionHeader | None:
        """Return the header of a version that an item is; None if it is none, or can't be read."""
        return self._headers.read_if_readable(item)

    async def headers(
        self, practice_id: str, session_id: str, after: int = 0, limit: int = MOST_ITEMS
    ) -> tuple[VersionHeader, ...]:
        """Return the headers of the versions beyond number `after`, in order of number, at most `limit`.

        () if there are none, or the session is absent. Those that only a newer program can read are left out.
        """
        if after >= MOST_VERSIONS:
            return ()
        partition = session_partition(practice_id, session_id)
        last = self._headers.id_of(after) if after > 0 else ""
        found: list[VersionHeader] = []
        while len(found) < limit:
            asked = min(limit - len(found), MOST_ITEMS)
            items = await self._store.list(partition, "version-", after=last, limit=asked)
            found += self._headers.known(items)
            if len(items) < asked:
                break
            last = items[-1].id
        return tuple(found)

    async def load(self, practice_id: str, session_id: str, number: int) -> TranscriptVersion:
        """Return a version with its scores and insights, if there are any that this program can read.

        Raises:
            NotFound: the session or that number does not exist, or was erased.
        """
        items = await self._items(practice_id, session_id, number, *self._ids_of(number))
        return await self._decoded(items, number)

    async def load_with_playback(
        self, practice_id: str, session_id: str, number: int
    ) -> tuple[TranscriptVersion, Playback | None]:
        """Return a version as `load` does, and what was made of the session for players, in one request.

        Raises:
            NotFound: as `load`.
        """
        items = await self._items(practice_id, session_id, number, *self._ids_of(number), PLAYBACK)
        return await self._decoded(items, number), self._playbacks.record_in(items, PLAYBACK)

    def _ids_of(self, number: int) -> tuple[str, str, str]:
        return (
            self._texts.id_of(number),
            self._scores.id_of(number),
            self._insights.id_of(number),
        )

    async def _decoded(self, items: Mapping[str, Item], number: int) -> TranscriptVersion:
        text, scores, insights = self._ids_of(number)

        def decoded() -> TranscriptVersion:
            version = self._texts.read(items[text])
            if scores in items and (found := self._scores.read_if_known(items[scores])):
                version = with_scores_of(version, found)
            if insights in items:
                found_insights = self._insights.read_if_known(items[insights])
                version = replace(version, insights=found_insights)
            return version

        return await _off_the_loop(decoded, long=len(items[text].body) >= LONG)

    async def load_words(self, practice_id: str, session_id: str, number: int) -> TranscriptVersion:
        """Return a version without scores and insights, in one read.

        Raises:
            NotFound: as `load`.
        """
        text = self._texts.id_of(number)
        items = await self._items(practice_id, session_id, number, text)
        item = items[text]
        return await _off_the_loop(lambda: self._texts.read(item), long=len(item.body) >= LONG)

    async def new(self, practice_id: str, version: TranscriptVersion) -> tuple[Pending, ...]:
        """Write a new version; Stale if there is one with that number."""
        partition = session_partition(practice_id, version.session_id)
        stale = Stale(session=version.session_id, transcript=version.number)
        number, header = version.number, header_of(version)

        def pending() -> tuple[Pending, ...]:
            text = without_findings(version)
            return (
                self._headers.create(partition, self._headers.id_of(number), header, stale),
                self._texts.create(partition, self._texts.id_of(number), text, stale),
                *self._findings(practice_id, version),
            )

        return await _off_the_loop(pending, long=len(version.utterances) >= MANY_LINES)

    async def scores(self, practice_id: str, version: TranscriptVersion) -> tuple[Pending, ...]:
        """Write the version's scores, replacing earlier ones; its insights stay as they are stored."""
        return await _off_the_loop(
            lambda: self._scores_of(practice_id, version),
            long=len(version.utterances) >= MANY_LINES,
        )

    def insights(self, session: Session, number: int, found: Insights) -> Pending:
        """Write the insights of a version, replacing earlier ones; its scores stay as they are stored."""
        partition = session_partition(session.practice_id, session.id)
        return self._insights.put(partition, self._insights.id_of(number), found)

    def _scores_of(self, practice_id: str, version: TranscriptVersion) -> tuple[Pending, ...]:
        partition = session_partition(practice_id, version.session_id)
        if not (scores := scores_of(version)):
            return ()
        return (self._scores.put(partition, self._scores.id_of(version.number), scores),)

    def _findings(self, practice_id: str, version: TranscriptVersion) -> tuple[Pending, ...]:
        pending = self._scores_of(practice_id, version)
        if version.insights is None:
            return pending
        partition = session_partition(practice_id, version.session_id)
        item_id = self._insights.id_of(version.number)
        return (*pending, self._insights.put(partition, item_id, version.insights))

    async def _items(
        self, practice_id: str, session_id: str, number: int, text: str, *others: str
    ) -> Mapping[str, Item]:
        found: Mapping[str, Item] = {}
        if 0 < number <= MOST_VERSIONS:
            partition = session_partition(practice_id, session_id)
            found = await self._store.get(partition, text, *others)
        if text not in found:
            raise NotFound(session=session_id)
        return found


async def _off_the_loop(work: Callable[[], T], *, long: bool) -> T:
    return await asyncio.to_thread(work) if long else work()
