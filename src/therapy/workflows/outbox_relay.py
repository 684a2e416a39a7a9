"""The outbox relay: delivers the consequences of a change, first in the writer's process, then in a sweep.

Every delivery is idempotent, as it may happen more than once. Whoever delivers has claimed the items until
their `due_at` and is stopped before that, so that no two deliver an item at the same time. Whatever a
delivery raises, its item is postponed; the pause doubles up to LONGEST_PAUSE.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from therapy.domain.errors import NotFound, Stale, TherapyError, Unavailable
from therapy.domain.outbox import (
    AccessEnded,
    EraseDue,
    OutboxItem,
    PersonEntryChanged,
    PushDue,
    ResetLetterDue,
    RunDue,
    SessionEntryChanged,
)
from therapy.domain.partition_keys import digest
from therapy.domain.person_entry import person_entry_of
from therapy.domain.push import push_for
from therapy.ports.doorbell import Doorbell
from therapy.ports.people_index import PeopleIndex
from therapy.ports.push import PushSender
from therapy.ports.recordings import Recordings
from therapy.ports.session_events import SessionEvents
from therapy.ports.session_index import SessionIndex
from therapy.repositories.change import Change
from therapy.repositories.outbox import Placed
from therapy.repositories.records import Records
from therapy.workflows import devices, end_of_access, erasure
from therapy.workflows.failures import Failures
from therapy.workflows.reset_letters import ResetLetters, discard_letters, send_letter
from therapy.workflows.session_entries import refresh_entry

LONGEST_PAUSE = timedelta(hours=1)

SHARE_OF_CLAIM = 0.8
"""The share of the rest of a claim that one delivery may take."""


class _ClaimLost(Exception):
    """Someone else has written an item since it was claimed, and delivers it."""


@dataclass(frozen=True)
class OutboxRelay:
    """Delivers consequences through these ports; those of its own changes are left to the sweep."""

    records: Records
    doorbell: Doorbell
    session_index: SessionIndex
    people_index: PeopleIndex
    push: PushSender
    session_events: SessionEvents
    recordings: Recordings
    letters: ResetLetters

    async def deliver_written(self, claimed: tuple[Placed, ...]) -> None:
        """Deliver what a commit has just written; raise nothing, because the commit itself succeeded.

        If the program has a bug, the sweep meets it again and raises it.
        """
        with suppress(Exception):
            await self.deliver(claimed)

    async def deliver(self, claimed: tuple[Placed, ...]) -> None:
        """Deliver items of one partition that the caller has claimed.

        What can't be delivered now, or not in time, stays for the sweep.

        Raises:
            Exception: a delivery failed unexpectedly (not a TherapyError); its item is postponed too.
        """
        if not claimed:
            return
        delivered, failures = list[Placed](), Failures()
        ends = min(each.item.due_at for each in claimed)
        for placed in claimed:
            seconds = (ends - self.records.now()).total_seconds() * SHARE_OF_CLAIM
            if seconds <= 0:
                break
            with failures.kept():
                if await self._delivered(placed, within=seconds):
                    delivered.append(placed)
        if delivered:
            done = Change(*(self.records.outbox.delivered(each) for each in delivered))
            with suppress(TherapyError):  # then it is delivered once more
                await done.commit(self.records.store)
        failures.raise_first()

    async def _delivered(self, placed: Placed, *, within: float) -> bool:
        """Deliver one item within so many seconds; if that fails, postpone it and return False."""
        try:
            async with asyncio.timeout(within):
                await self._deliver_one(placed)
        except _ClaimLost:
            return False
        except Exception as exc:  # whatever it is, the item must not come back at once, forever
            with suppress(TherapyError):  # then it stays due as it is stored
                await self._postpone(placed, exc)
            if not isinstance(exc, TherapyError | TimeoutError):
                raise
            return False
        return True

    async def _postpone(self, placed: Placed, exc: Exception) -> None:
        """Postpone an item as it is stored now: a push may have noted the devices it was sent to.

        Unless someone else has claimed it since. Why it was not delivered is noted in it, for `undelivered`:
        an error's code and details, no text.
        """
        records = self.records
        stored = await records.outbox.as_stored(placed)
        if stored is not None and stored.item.due_at == placed.item.due_at:
            item = stored.item
            later = replace(
                item,
                attempts=item.attempts + 1,
                why=str(exc) if isinstance(exc, TherapyError) else type(exc).__name__,
                due_at=records.now() + self._pause(item),
            )
            await Change(records.outbox.rewrite(stored, later)).commit(records.store)

    def _pause(self, item: OutboxItem) -> timedelta:
        """Return how long an item waits after a failure: letters never for long, as they expire."""
        pause = pause_after(item, self.records.claim)
        if isinstance(item.what, ResetLetterDue):
            return min(pause, self.letters.pace.longest_pause)
        return pause

    async def _deliver_one(self, placed: Placed) -> None:
        practice_id = placed.item.practice_id
        match placed.item.what:
            case RunDue(session_id):
                await self.doorbell.ring(practice_id, session_id)
            case SessionEntryChanged(session_id):
                await refresh_entry(
                    practice_id,
                    session_id,
                    records=self.records,
                    session_index=self.session_index,
                )
                await self.session_events.publish(practice_id, session_id)
            case PersonEntryChanged(person_id):
                await self._refresh_person_entry(practice_id, person_id)
            case AccessEnded(person_id, at, epoch):
                await end_of_access.end_access(
                    practice_id, person_id, at, epoch, records=self.records
                )
                await discard_letters(practice_id, person_id, at, letters=self.letters)
            case PushDue() as due:
                await self._push(placed, due)
            case ResetLetterDue() as due:
                await send_letter(
                    due,
                    attempts=placed.item.attempts,
                    why=placed.item.why,
                    records=self.records,
                    letters=self.letters,
                )
            case EraseDue(session_id):
                await erasure.erase_cancelled(
                    practice_id,
                    session_id,
                    records=self.records,
                    recordings=self.recordings,
                    session_index=self.session_index,
                )
                await self.session_events.publish(practice_id, session_id)

    async def _refresh_person_entry(self, practice_id: str, person_id: str) -> None:
        try:
            person = await self.records.people.load(practice_id, person_id)
        except NotFound:
            await self.people_index.remove(practice_id, person_id)
            return
        await self.people_index.put(practice_id, person_entry_of(person))

    async def _push(self, placed: Placed, due: PushDue) -> None:
        """Send to each of the person's devices, noting each at once: a crash repeats one push at most.

        A device that can't be told now keeps no other from being told.
        """
        records, item, failures = self.records, placed.item, Failures()
        practice = await records.practices.load(item.practice_id)
        for device in await devices.devices_of(item.practice_id, due.person_id, records=records):
            told = digest(device.token)
            if told in due.told or device.token in due.told:
                continue
            message = push_for(due, item_id=item.id, device=device, language=practice.language)
            try:
                is_there = await self.push.send(item.practice_id, device, message)
            except Unavailable as exc:
                failures.keep(exc)
                continue
            if not is_there:
                await devices.forget_device(device, records=records)
            due = replace(due, told=(*due.told, told))
            placed = await self._noted(placed, replace(placed.item, what=due))
        failures.raise_first()

    async def _noted(self, placed: Placed, item: OutboxItem) -> Placed:
        """Write how far a delivery has come; return the item as it is stored then.

        Raises:
            _ClaimLost: the claim has ended, and someone else is delivering the item.
        """
        try:
            await Change(self.records.outbox.rewrite(placed, item)).commit(self.records.store)
        except Stale:
            raise _ClaimLost from None
        return replace(placed, item=replace(item, version=item.version + 1))


def longest_wait(item: OutboxItem, claim: timedelta) -> timedelta:
    """Return how long an item waited at most when it was written: a claim, or the pause after a failure."""
    if not item.attempts:
        return claim
    return max(claim, pause_after(replace(item, attempts=item.attempts - 1), claim))


def pause_after(item: OutboxItem, first: timedelta) -> timedelta:
    """Return how long an item waits after its next failure: `first`, doubled each time, at most an hour."""
    doublings: int = 2 ** min(item.attempts, 20)
    return min(LONGEST_PAUSE, first * doublings)
