"""The waiting list: sessions that wait to be transcribed, how many of one therapist, and in which order.

What waits is read from the therapist's list in the session index, which every change of a run updates; so
there is no counter that a crash could leave wrong.
"""

from dataclasses import dataclass
from datetime import datetime

from therapy.domain.errors import TooMuchAtOnce
from therapy.domain.fair_shares import DEFAULT_SHARES, FairShares, expected_work, fair_place
from therapy.domain.session import Session
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.ports.session_index import SessionIndex
from therapy.repositories.records import Records
from therapy.repositories.runs import RUN_QUEUES

RETRY_AFTER = 300
"""Seconds in which some of what waits is likely to be done."""


@dataclass(frozen=True)
class WaitingList:
    """Says who waits; two uploads that end at the same moment may get the same place, which does no harm."""

    records: Records
    session_index: SessionIndex
    shares: FairShares = DEFAULT_SHARES

    async def admit(self, practice_id: str, therapist_id: str) -> None:
        """Do nothing if one more of the therapist's sessions may wait to be transcribed.

        Raises:
            TooMuchAtOnce: as many as may are waiting.
        """
        waiting = await self._waiting(practice_id, therapist_id)
        if len(waiting) >= self.shares.waiting:
            raise TooMuchAtOnce("too_many_waiting", retry_after=RETRY_AFTER)

    async def place(self, session: Session) -> datetime:
        """Return the place in the list of a session that is to be transcribed."""
        now = self.records.now()
        own = await self._waiting(session.practice_id, session.therapist_id)
        others = [each.place for each in own if each.place and each.session_id != session.id]
        overdue = await self.records.store.due(RUN_QUEUES, now, 1)
        return fair_place(
            now,
            first=overdue[0].due_at if overdue else None,
            own=max(others, default=None),
            work=expected_work(session.recordings),
        )

    async def _waiting(self, practice_id: str, therapist_id: str) -> tuple[SessionEntry, ...]:
        most = min(self.shares.waiting, MOST_ENTRIES)
        states = {SessionStatus.AWAITING_TRANSCRIPT}
        return await self.session_index.of_therapist(practice_id, therapist_id, states, "", most)
