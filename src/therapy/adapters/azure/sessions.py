"""Sessions in Cosmos DB: a change is one batch in the session's partition.

What must not have changed is read first; the batch then names the ETags that were read and is refused
if somebody wrote in between. Then all is looked at again, which tells who lost.
"""

import asyncio

from therapy.adapters.azure.cosmos import partition
from therapy.adapters.azure.cosmos.change import Stored, newly_due, steps_of, to_read
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container import ATTEMPTS, MOST_STEPS, Fields, Step
from therapy.adapters.azure.cosmos.due import DueIndex
from therapy.adapters.azure.cosmos.errors import contended
from therapy.domain.errors import NotFound
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sessions import Change, Sessions

LONG = 50_000
"""Characters of a packed transcript from which on unpacking it is a thread's work."""


class CosmosSessions(Sessions):
    """Sessions and the versions of their transcripts."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.sessions
        self._due = DueIndex(cosmos)
        self._positions = partition.Positions()

    async def commit(self, practice_id: str, session_id: str, change: Change) -> None:
        pk = partition.of_session(practice_id, session_id)
        transcript: Fields = {}
        if change.transcript is not None:
            transcript = await asyncio.to_thread(partition.transcript_fields, change.transcript)
        for attempt in range(ATTEMPTS):
            stored = await self._stored(pk, change, everything=attempt > 0)
            dropped = await self._transcripts(pk) if change.drop_transcripts else ()
            steps = steps_of(
                session_id,
                change,
                stored,
                transcript=transcript,
                dropped=dropped,
                positions=self._positions,
            )
            if not steps:
                return
            if attempt == 0:
                runs, items = newly_due(change, stored)
                await self._due.announce(practice_id, session_id, runs=runs, items=items)
            if await self._write(pk, steps):
                return
        raise contended()

    async def load(self, practice_id: str, session_id: str) -> Session:
        pk = partition.of_session(practice_id, session_id)
        item = await self._container.read(pk, partition.SESSION)
        if item is None:
            raise NotFound(session=session_id)
        return partition.read_body(Session, item)

    async def transcript(self, practice_id: str, session_id: str, number: int) -> TranscriptVersion:
        pk = partition.of_session(practice_id, session_id)
        if abs(number) > partition.MOST_VERSIONS:
            raise NotFound(session=session_id)
        item = await self._container.read(pk, partition.transcript_id(number))
        if item is None:
            raise NotFound(session=session_id)
        if len(item["packed"]) < LONG:
            return partition.read_transcript(item)
        return await asyncio.to_thread(partition.read_transcript, item)

    async def _stored(self, pk: str, change: Change, *, everything: bool) -> Stored:
        ids = sorted(to_read(change, everything=everything))
        found = await asyncio.gather(*(self._container.read(pk, each) for each in ids))
        return dict(zip(ids, found, strict=True))

    async def _transcripts(self, pk: str) -> list[str]:
        return await self._container.query(pk, "c.kind = 'transcript'", select="VALUE c.id")

    async def _write(self, pk: str, steps: list[Step]) -> bool:
        """Write the steps in one batch; False if it was refused.

        A batch has at most 100. Only a session with more versions than that can pass it: the surplus
        is deleted just before, which the next attempt goes on with if this one ends in between.
        """
        steps, surplus = steps[:MOST_STEPS], steps[MOST_STEPS:]
        for step in surplus:
            await self._container.delete(pk, step.item_id)
        return await self._container.batch(pk, steps) is None
