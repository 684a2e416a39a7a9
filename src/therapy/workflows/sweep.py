"""The sweep: rings again for due work, delivers what dead writers left, removes dead uploads.

Any replica may run it at any time; several at once do no harm.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from therapy.domain.errors import TherapyError
from therapy.workflows.desk import Desk
from therapy.workflows.outbox_relay import deliver
from therapy.workflows.uploads import throw_away

AT_ONCE = 100
"""How many of each kind one sweep looks at."""


async def sweep(*, desk: Desk) -> None:
    """Look once at everything that is due."""
    now, failures = desk.now(), Failures()
    for run in await desk.runs.due(now, AT_ONCE):
        with failures.kept():
            await desk.doorbell.ring(run.practice_id, run.session_id)
    for session in await desk.outbox.overdue(now, AT_ONCE):
        with failures.kept():
            items = await desk.outbox.pending(session.practice_id, session.session_id)
            await deliver([item for item in items if item.due_at <= now], desk=desk)
    for upload in await desk.uploads.expired(now, AT_ONCE):
        with failures.kept():
            await throw_away(upload, desk=desk)
    for practice_id, upload_id in await desk.recordings.staged_before(
        now - desk.limits.upload_expiry * 2, AT_ONCE
    ):
        with failures.kept():
            await _discard_unknown(practice_id, upload_id, desk=desk)
    if failures.first is not None:
        raise failures.first


class Failures:
    """Keeps the first failure for the end: one thing that can't be done must not stop the rest."""

    def __init__(self) -> None:
        self.first: Exception | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what the body raises."""
        try:
            yield
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is raised at the end
            self.first = self.first or exc


async def _discard_unknown(practice_id: str, upload_id: str, *, desk: Desk) -> None:
    """Throw staged blocks away that no upload knows of any more."""
    try:
        await desk.uploads.get(practice_id, upload_id)
    except TherapyError:
        await desk.recordings.discard(practice_id, upload_id)
