"""The sweep: rings again for due work, delivers what dead writers left, removes dead uploads.

Any replica may run it at any time; several at once do no harm.
"""

from therapy.domain.errors import TherapyError
from therapy.workflows.desk import Desk
from therapy.workflows.following import deliver
from therapy.workflows.intake import throw_away

AT_ONCE = 100
"""How many of each kind one sweep looks at."""


async def sweep(*, desk: Desk) -> None:
    """Look once at everything that is due."""
    now = desk.now()
    for run in await desk.runs.due(now, AT_ONCE):
        await desk.doorbell.ring(run.practice_id, run.session_id)
    for session in await desk.outbox.overdue(now, AT_ONCE):
        items = await desk.outbox.pending(session.practice_id, session.session_id)
        await deliver([item for item in items if item.due_at <= now], desk=desk)
    for upload in await desk.uploads.expired(now, AT_ONCE):
        await throw_away(upload, desk=desk)
    for practice_id, upload_id in await desk.recordings.staged_before(
        now - desk.limits.upload_expiry * 2, AT_ONCE
    ):
        await _discard_unknown(practice_id, upload_id, desk=desk)


async def _discard_unknown(practice_id: str, upload_id: str, *, desk: Desk) -> None:
    """Throw staged blocks away that no upload knows of any more."""
    try:
        await desk.uploads.get(practice_id, upload_id)
    except TherapyError:
        await desk.recordings.discard(practice_id, upload_id)
