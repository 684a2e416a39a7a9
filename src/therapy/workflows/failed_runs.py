"""Failed runs: who is told of one, and which sessions are left to the workers of a newer program."""

from datetime import datetime, timedelta

from therapy.domain.codec import is_unreadable
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.outbox import Consequence, PushDue, PushKind
from therapy.domain.run import Run, RunState
from therapy.domain.session_status import AWAITED
from therapy.repositories.records import Records

LEFT_FOR = timedelta(minutes=10)
"""How long a session is left alone once this program could not read something of it."""


async def pushes_for(run: Run, *, records: Records) -> tuple[Consequence, ...]:
    """Return what tells a session's therapist that a run failed for good, if the session waits for it.

    Nothing does if the session can't be read: then nobody knows who its therapist is.
    """
    if run.state is not RunState.FAILED:
        return ()
    try:
        session = await records.sessions.load(run.practice_id, run.session_id)
    except NotFound:
        return ()
    except Unavailable as exc:
        if is_unreadable(exc):
            return ()
        raise
    if AWAITED.get(session.state) is not run.kind:
        return ()
    return (PushDue(PushKind.SESSION_FAILED, session.therapist_id, session.id),)


class LeftSessions:
    """Sessions of which only a newer program can read something: its workers do what is due."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], datetime] = {}

    def leave(self, run: Run, now: datetime) -> None:
        """Note that the session of a run is left to others."""
        kept = {key: since for key, since in self._since.items() if _lasts(since, now)}
        self._since = {**kept, (run.practice_id, run.session_id): now}

    def has(self, practice_id: str, session_id: str, now: datetime) -> bool:
        """Return whether a session is left to others now."""
        since = self._since.get((practice_id, session_id))
        return since is not None and _lasts(since, now)


def _lasts(since: datetime, now: datetime) -> bool:
    return timedelta(0) <= now - since < LEFT_FOR
