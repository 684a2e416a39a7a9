"""Idempotency: a request that is sent again under its key gets the answer of before, and is done once.

An attempt claims the key before it begins and gives signs of life while it lasts, so that any replica sees
it. The claim of one that died ends by itself; the next attempt then does the request again, which does no
harm because what it does is written so that a crash in the middle of it does none.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from math import ceil

from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.errors import TherapyError, UnderWay
from therapy.domain.idempotency import KeyedRequest, StoredAnswer
from therapy.domain.partition_keys import digest
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.retry_stale import retry_stale

KEPT_FOR = timedelta(days=1)
BEATS = 3
"""Signs of life within the time of a claim."""


class Attempt:
    """A request that is being done; `done` notes its answer, else it may be tried again at once.

    `failure` is why that could not be written at the end: the claim then ends by itself.
    """

    failure: TherapyError | None = None

    def __init__(self, claimed: KeyedRequest) -> None:
        self.claimed = claimed
        self.outcome = claimed

    def done(self, answer: StoredAnswer, *, fingerprint: str, size: int) -> None:
        """Note what the request was, and its answer."""
        self.outcome = replace(self.claimed, fingerprint=fingerprint, size=size, answer=answer)


class Idempotency:
    """Claims keys, and keeps answers for `kept_for`; an attempt without a sign of life ends after `lease`."""

    def __init__(
        self, records: Records, *, lease: timedelta, kept_for: timedelta = KEPT_FOR
    ) -> None:
        self._records, self._lease, self._kept_for = records, lease, kept_for

    async def claim(self, actor: Actor, operation: str, key: str) -> KeyedRequest:
        """Return the request under a key: this attempt's claim of it, or what was answered before.

        Raises:
            UnderWay: another attempt works on it; says when to ask again.
            Unavailable: the store can't be reached.
        """
        now = self._records.now()
        wanted = KeyedRequest(
            practice_id=actor.practice_id,
            person_id=actor.person_id,
            operation=operation,
            key_hash=digest(key),
            holder=self._records.new_id(),
            running_until=now + self._lease,
            expires_at=now + self._kept_for,
        )
        return await retry_stale(lambda: self._claim(wanted))

    async def _claim(self, wanted: KeyedRequest) -> KeyedRequest:
        stored, now = await self._records.keyed_requests.load(wanted), self._records.now()
        if stored is not None and stored.answer is not None:
            return stored
        if stored is not None and stored.is_running(now):
            raise UnderWay(retry_after=max(1, ceil((stored.running_until - now).total_seconds())))
        return await self._write(replace(wanted, version=stored.version if stored else 0))

    @asynccontextmanager
    async def attempt(self, claimed: KeyedRequest) -> AsyncIterator[Attempt]:
        """Keep a claim while the block runs; at its end keep the answer, or give up the claim."""
        attempt, ended = Attempt(claimed), asyncio.Event()
        beats = asyncio.create_task(self._beat(claimed, ended))
        try:
            yield attempt
        finally:
            ended.set()
            await asyncio.shield(self._end(attempt, beats))

    async def _beat(self, claimed: KeyedRequest, ended: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lease.total_seconds() / BEATS):
                    await ended.wait()
                return
            with suppress(
                TherapyError
            ):  # tried again with the next; at worst the request is done twice
                await self._note(claimed, running_until=self._records.now() + self._lease)

    async def _end(self, attempt: Attempt, beats: asyncio.Task[None]) -> None:
        await beats
        try:
            outcome = attempt.outcome
            await self._note(
                outcome,
                running_until=self._records.now(),
                fingerprint=outcome.fingerprint,
                size=outcome.size,
                answer=outcome.answer,
            )
        except TherapyError as exc:
            attempt.failure = exc

    async def _note(self, claimed: KeyedRequest, **changes: object) -> None:
        """Change a request that this attempt still holds; one that is somebody else's by now stays."""

        async def note() -> None:
            stored = await self._records.keyed_requests.load(claimed)
            if stored is not None and stored.holder == claimed.holder:
                await self._write(replace(stored, **changes))

        await retry_stale(note)

    async def _write(self, request: KeyedRequest) -> KeyedRequest:
        """Write a request; return it as it is stored then.

        Raises:
            Stale: it is another by now.
        """
        await Change(self._records.keyed_requests.write(request)).commit(self._records.store)
        return replace(request, version=request.version + 1)
