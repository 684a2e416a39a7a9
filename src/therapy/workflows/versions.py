"""Versions: all that a session's transcript has had, oldest first."""

from therapy.domain.access import Actor
from therapy.domain.session import Session
from therapy.domain.transcript_parts import VersionHeader
from therapy.repositories.records import Records
from therapy.workflows import review


async def listed(
    actor: Actor, session_id: str, after: int, limit: int, *, records: Records
) -> tuple[Session, tuple[VersionHeader, ...]]:
    """Return a session and the headers of its versions beyond number `after`, oldest first.

    At most `limit`.

    Raises:
        WrongState: it has no transcript yet, or was cancelled.
    """
    session = await review.transcribed_session(actor, session_id, records=records)
    headers = await records.transcripts.headers(session.practice_id, session_id, after, limit)
    return session, headers
