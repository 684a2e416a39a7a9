"""The sweep: rings for due work, delivers what dead writers left, removes abandoned uploads and old letters.

Any replica may run it at any time; several at once do no harm, because each claims what it works on. It
goes through everything that is due, page by page, up to MOST_PAGES; what can't be done is postponed, so
that it blocks nothing behind it. Queues that this program does not know are left to one that does.

What is due later than anything ever waits was written before the clock was set back: it counts as due, too.
So does a run whose place in the waiting list is later than now.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from therapy.domain.errors import NotFound, Stale
from therapy.domain.outbox import OutboxItem
from therapy.domain.run import CLOCKS_APART, claimable
from therapy.domain.upload import Upload, upload_of
from therapy.ports.store import LAST_MOMENT, Item
from therapy.repositories.change import Change
from therapy.repositories.outbox import OUTBOX_QUEUES, Placed
from therapy.repositories.runs import RUN_QUEUES
from therapy.repositories.uploads import UPLOAD_QUEUES
from therapy.workflows import reset_letters, resumable_uploads
from therapy.workflows.abandoned_uploads import throw_away
from therapy.workflows.failures import Failures
from therapy.workflows.intake import Intake
from therapy.workflows.outbox_relay import OutboxRelay, longest_wait

AT_ONCE = 100
"""Items on one page."""

MOST_PAGES = 10
"""The most pages of one sweep; it deletes at most as many expired items, too."""

UNREADABLE_FOR = timedelta(hours=1)
"""How long an item that this program can't read is postponed."""

LONGEST_UPLOAD = timedelta(days=1)
"""No upload is ever granted more time than this at once."""

CLAIMED_QUEUES = (*OUTBOX_QUEUES, *UPLOAD_QUEUES)
"""Queues whose items the sweep claims, so that none of them stays at the front."""

QUEUES = (*RUN_QUEUES, *CLAIMED_QUEUES)
"""Everything that becomes due, fetched together."""

AHEAD_EVERY = timedelta(minutes=1)
"""How often the sweep looks for what may be done before it is due, besides at first, while it has to ring,
and once its clock was set back."""


@dataclass
class Sweep:
    """Does what is due; `upload_expiry` is how long an upload may stand still."""

    relay: OutboxRelay
    intake: Intake
    upload_expiry: timedelta = timedelta(hours=1)
    _swept_at: datetime = field(default=LAST_MOMENT, init=False)
    _looked_ahead_at: datetime = field(default=LAST_MOMENT, init=False)
    _has_rung: bool = field(default=False, init=False)

    @property
    def has_rung(self) -> bool:
        """Whether the last sweep rang for a run: some work is due."""
        return self._has_rung

    async def once(self) -> None:
        """Go once through everything that is due.

        Raises:
            Exception: the first failure, once everything else is done.
        """
        records, failures = self.relay.records, Failures()
        now = records.now()
        has_rung, self._has_rung = self._has_rung, False
        ahead = has_rung or now < self._swept_at or now >= self._looked_ahead_at + AHEAD_EVERY
        until = LAST_MOMENT if ahead else now
        last = await self._look(QUEUES, now, failures, until=until)
        if last and _is_due(last, now):
            # Runs stay due until a worker claims them: however many wait, they must not block the rest.
            await self._look(CLAIMED_QUEUES, now, failures, until=now)
            if ahead:
                await self._look(QUEUES, now, failures, after=_end_of(now), until=until)
        if ahead:
            self._looked_ahead_at = now
        self._swept_at = now
        with failures.kept():
            await self._discard_blocks(now, failures)
        with failures.kept():
            await records.store.purge(AT_ONCE * MOST_PAGES)
        with failures.kept():
            await reset_letters.discard_expired(now, letters=self.relay.letters)
        failures.raise_first()

    async def _look(
        self,
        queues: Collection[str],
        now: datetime,
        failures: Failures,
        *,
        after: Item | None = None,
        until: datetime,
    ) -> Item | None:
        """Do what is due in these queues, and what until then only seems to be due later: a run that waits,
        or what a clock wrote that was set back. At most MOST_PAGES; return the last item if that was not all.
        """
        for _ in range(MOST_PAGES):
            items = await self.relay.records.store.due(queues, until, AT_ONCE, after)
            for item in items:
                with failures.kept():
                    if _is_due(item, now) or self._is_too_late(item, now):
                        await self._do(item, now)
            if len(items) < AT_ONCE:
                return None
            after = items[-1]
        return after

    def _is_too_late(self, item: Item, now: datetime) -> bool:
        """Return whether an item is due later than it can have been by a clock that goes right."""
        records = self.relay.records
        ahead = item.due_at - now - CLOCKS_APART if item.due_at else timedelta(0)
        if ahead <= timedelta(0):
            return False
        if run := records.runs.read_if_readable(item):
            return claimable(run, now)
        if waiting := records.outbox.read_if_readable(item):
            return ahead > longest_wait(waiting, records.claim)
        return item.queue in UPLOAD_QUEUES and ahead > LONGEST_UPLOAD

    async def _do(self, item: Item, now: datetime) -> None:
        relay, records = self.relay, self.relay.records
        if item.queue in RUN_QUEUES and (run := records.runs.read_if_readable(item)):
            self._has_rung = True
            await relay.doorbell.ring(run.practice_id, run.session_id)
        elif item.queue in OUTBOX_QUEUES and (waiting := records.outbox.read_if_readable(item)):
            await self._deliver(item, waiting)
        elif item.queue in UPLOAD_QUEUES and (upload := records.uploads.read_if_readable(item)):
            await self._throw_away(upload)
        else:
            with suppress(Stale):
                later = records.outbox.put_off(item, now + UNREADABLE_FOR)
                await Change(later).commit(records.store)

    async def _deliver(self, item: Item, waiting: OutboxItem) -> None:
        """Claim an outbox item, then deliver it; leave it alone if someone else has claimed it."""
        records = self.relay.records
        placed = Placed(item.partition, item.id, waiting)
        mine = replace(waiting, due_at=records.now() + records.claim)
        with suppress(Stale):
            await Change(records.outbox.rewrite(placed, mine)).commit(records.store)
            stored = replace(mine, version=mine.version + 1)
            await self.relay.deliver((replace(placed, item=stored),))

    async def _throw_away(self, upload: Upload) -> None:
        """Claim an upload that stands still, so that nobody continues it, and remove what is left of it."""
        records = self.relay.records
        if upload.resumable:
            await resumable_uploads.sweep(upload, intake=self.intake)
            return
        claimed = replace(upload, expires_at=records.now() + records.claim)
        with suppress(Stale):
            await Change(records.uploads.write(claimed)).commit(records.store)
            await throw_away(upload, records=records, recordings=self.relay.recordings)

    async def _discard_blocks(self, now: datetime, failures: Failures) -> None:
        """Discard staged blocks that no upload needs any more."""
        records, recordings = self.relay.records, self.relay.recordings
        old = now - self.upload_expiry * 2
        for practice_id, upload_id in await recordings.staged_before(old, AT_ONCE):
            with failures.kept():
                try:
                    upload = await records.uploads.load(practice_id, upload_of(upload_id))
                    is_used = not upload.finished_at and upload_id in {upload.id, upload.tail}
                except NotFound:
                    is_used = False
                if not is_used:
                    await recordings.discard(practice_id, upload_id)


def _is_due(item: Item, now: datetime) -> bool:
    return item.due_at is not None and item.due_at <= now


def _end_of(now: datetime) -> Item:
    """Return an item behind all that may be due by now, for a clock that goes right."""
    later = now + CLOCKS_APART
    return Item(partition="~", id="~", kind="moment", body=b"", version=1, due_at=later)
