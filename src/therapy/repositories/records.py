"""All repositories over one store, and the unit of work: a change, its consequences, their delivery."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from therapy.domain.outbox import Consequence, OutboxItem
from therapy.domain.run import Run, RunKind
from therapy.domain.session import Session
from therapy.ports.store import Store
from therapy.repositories.access import AccessOfPeople
from therapy.repositories.change import Change, Pending
from therapy.repositories.credentials import CredentialsOfPeople
from therapy.repositories.devices import MOST_DEVICES, Devices
from therapy.repositories.drafts import Drafts
from therapy.repositories.former_sessions import FormerSessionsOfPatients
from therapy.repositories.idempotency_keys import KeyedRequests
from therapy.repositories.known_addresses import KnownAddressLists
from therapy.repositories.late_reads import LateReads
from therapy.repositories.link_changes import LinkChanges
from therapy.repositories.logins import Logins
from therapy.repositories.outbox import Outbox, Placed
from therapy.repositories.people import People
from therapy.repositories.playbacks import Playbacks
from therapy.repositories.practices import Practices
from therapy.repositories.received_bytes import ReceivedBytesOfDays
from therapy.repositories.reset_tokens import ResetTokens
from therapy.repositories.runs import Runs
from therapy.repositories.sessions import Sessions
from therapy.repositories.transcripts import Transcripts
from therapy.repositories.unique_keys import UniqueKeys
from therapy.repositories.uploads import Uploads
from therapy.repositories.vocabularies import Vocabularies

CLAIM = timedelta(seconds=30)
"""How long a writer has to deliver a consequence before the sweep may take it over."""

UNATTACHED = "unattached"
"""The partition of consequences that follow from no record."""

Deliver = Callable[[tuple[Placed, ...]], Awaitable[None]]
"""Delivers consequences that have just been written; see `workflows.outbox_relay`. Raises nothing."""


async def leave_to_the_sweep(_: tuple[Placed, ...]) -> None:
    """Deliver nothing: the sweep does it once the claim has ended."""


class Records:
    """A repository for each record over one store, the clock, and new ids.

    `now` returns an aware datetime, `new_id` a random id of hex digits. A person has at most `most_devices`.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        deliver: Deliver = leave_to_the_sweep,
        claim: timedelta = CLAIM,
        most_devices: int = MOST_DEVICES,
    ) -> None:
        self.store = store
        self.late_reads = LateReads(store)
        self.now = now
        self.new_id = new_id
        self.claim = claim
        self.sessions = Sessions(store)
        self.transcripts = Transcripts(store)
        self.drafts = Drafts(store)
        self.playbacks = Playbacks(store)
        self.runs = Runs(store)
        self.outbox = Outbox(store)
        self.uploads = Uploads(store)
        self.keyed_requests = KeyedRequests(store)
        self.received_bytes = ReceivedBytesOfDays(store)
        self.unique_keys = UniqueKeys(store)
        self.logins = Logins(store)
        self.known_addresses = KnownAddressLists(store)
        self.reset_tokens = ResetTokens(store)
        self.devices = Devices(store, most_devices)
        self.credentials = CredentialsOfPeople(store)
        self.access = AccessOfPeople(
            store, self.credentials, self.logins, self.reset_tokens, self.devices.pointers
        )
        self.people = People(store)
        self.practices = Practices(store)
        self.vocabularies = Vocabularies(store)
        self.link_changes = LinkChanges(store)
        self.former_sessions = FormerSessionsOfPatients(store)
        self._deliver = deliver
        self._last_position = 0

    def new_run(self, session: Session, kind: RunKind) -> Run:
        """Return a run for a session that is due now, not written yet."""
        now = self.now()
        return Run(self.new_id(), session.practice_id, session.id, kind, now, now)

    async def commit(self, practice_id: str, change: Change, *what: Consequence) -> None:
        """Write a change and its consequences in one commit; deliver these, then return.

        Whoever reads next sees what was written. What can't be delivered now is left to the sweep.

        Raises:
            TherapyError: the error of a write that was refused; nothing was written.
            TooLarge, Unavailable: as `Store.commit`.
        """
        placed = [self._follow(practice_id, change, each) for each in what]
        await change.commit(self.store)
        if placed:
            # The caller may be cancelled; what was written is delivered all the same.
            await asyncio.shield(self._deliver(tuple(placed)))

    async def leave(self, what: Consequence) -> Placed:
        """Write a consequence of nothing but a request; return it for `deliver`, or a sweep delivers it.

        Raises:
            TooLarge, Unavailable: as `Store.commit`.
        """
        placed, pending = self._new(UNATTACHED, "", what)
        await Change(pending).commit(self.store)
        return placed

    async def deliver(self, placed: Placed) -> None:
        """Deliver what `leave` wrote; what can't be delivered now is left to the sweep."""
        await self._deliver((placed,))

    def _follow(self, practice_id: str, change: Change, what: Consequence) -> Placed:
        placed, pending = self._new(change.partition, practice_id, what)
        change.add(pending)
        return placed

    def _new(self, partition: str, practice_id: str, what: Consequence) -> tuple[Placed, Pending]:
        due_at = self.now() + self.claim
        item = OutboxItem(self.new_id(), practice_id, what, due_at, version=1)  # once committed
        return self.outbox.new(partition, item, self._position())

    def _position(self) -> int:
        """Return a number above all earlier ones of this process; between processes their clocks decide."""
        clock = int(self.now().timestamp() * 1_000_000) * 1_000
        self._last_position = max(self._last_position + 1, clock)
        return self._last_position
