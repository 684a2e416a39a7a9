"""The waiting list: sessions that wait to be transcribed, how many of one therapist, and in which order.

What one therapist has waiting is read from their list in the session index, which every change of a run
updates; so there is no counter that a crash could leave wrong. What everybody has waiting is counted in the
store once a minute, and in between each process adds what comes through it.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from therapy.domain.errors import TooMuchAtOnce, Unavailable
from therapy.domain.fair_shares import expected_work, fair_place
from therapy.domain.person_limits import DEFAULT_LIMITS, PersonLimits
from therapy.domain.run import Run, RunKind
from therapy.domain.session import Session
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import LAST_MOMENT, MOST_ITEMS
from therapy.repositories.records import Records
from therapy.repositories.runs import AWAITED_QUEUES, run_queue

COUNTED_EVERY = timedelta(minutes=1)
RETRY_AFTER = 300
"""Seconds in which some of what waits is likely to be done."""


@dataclass
class WaitingList:
    """Says who waits; two uploads that end at the same moment may get the same place, which does no harm."""

    records: Records
    session_index: SessionIndex
    limits: PersonLimits = DEFAULT_LIMITS
    _in_all: int = field(default=0, init=False)
    _counted_at: datetime = field(default=LAST_MOMENT, init=False)

    async def admit(self, practice_id: str, therapist_id: str, *, rerun: bool = False) -> None:
        """Do nothing if one more of the therapist's sessions may wait to be transcribed.

        What is recognised again (`rerun`) counts only for more of the same: it keeps no new
        recording out.

        Raises:
            TooMuchAtOnce: as many as may are waiting.
            Unavailable: everybody together has as many waiting as may.
        """
        own, _ = await asyncio.gather(self._waiting(practice_id, therapist_id), self._count_all())
        waiting = len(own)
        reruns = await self._reruns() if rerun else ()
        waiting += sum(_is_of(each, practice_id, therapist_id) for each in reruns)
        if waiting >= self.limits.waiting:
            raise TooMuchAtOnce("too_many_waiting", retry_after=RETRY_AFTER)
        if self._in_all + len(reruns) >= self.limits.waiting_in_all:
            raise Unavailable("waiting_busy", retry_after=RETRY_AFTER)

    async def _count_all(self) -> None:
        """Count what everybody has waiting, if that was last done a minute ago or by another clock."""
        now = self.records.now()
        if timedelta(0) <= now - self._counted_at < COUNTED_EVERY:
            return
        before, self._counted_at = self._counted_at, now  # who comes meanwhile need not count, too
        try:
            self._in_all = await self._queued()
        except BaseException:  # then whoever comes next counts
            self._counted_at = before
            raise

    async def _queued(self) -> int:
        """Return how many sessions are in the queue, at most as many as matter."""
        queues, most = [run_queue(RunKind.TRANSCRIBE)], self.limits.waiting_in_all
        count, last = 0, None
        while count < most:
            page = await self.records.store.due(queues, LAST_MOMENT, MOST_ITEMS, last)
            count += len(page)
            if len(page) < MOST_ITEMS:
                break
            last = page[-1]
        return count

    async def place(self, session: Session, *, rerun: bool = False) -> datetime:
        """Return the place in the list of a session that is to be transcribed; `rerun`: again."""
        now = self.records.now()
        own, overdue = await asyncio.gather(
            self._waiting(session.practice_id, session.therapist_id),
            self.records.store.due(AWAITED_QUEUES, now, 1),
        )
        others = [each.place for each in own if each.place and each.session_id != session.id]
        if rerun:
            reruns = await self._reruns()
            whose = session.practice_id, session.therapist_id
            others += [each.due_at for each in reruns if _is_of(each, *whose)]
        else:
            self._in_all += 1
        return fair_place(
            now,
            first=overdue[0].due_at if overdue else None,
            own=max(others, default=None),
            work=expected_work(session.recordings),
        )

    async def _reruns(self) -> tuple[Run, ...]:
        """Return the runs that recognise something again and are not over, as many as are read at once."""
        queues = [run_queue(RunKind.RERUN)]
        page = await self.records.store.due(queues, LAST_MOMENT, MOST_ITEMS)
        return tuple(filter(None, map(self.records.runs.read_if_readable, page)))

    async def _waiting(self, practice_id: str, therapist_id: str) -> tuple[SessionEntry, ...]:
        most = min(self.limits.waiting, MOST_ENTRIES)
        states = {SessionStatus.AWAITING_TRANSCRIPT}
        return await self.session_index.of_therapist(practice_id, therapist_id, states, "", most)


def _is_of(run: Run, practice_id: str, therapist_id: str) -> bool:
    return (run.practice_id, run.therapist_id) == (practice_id, therapist_id)
