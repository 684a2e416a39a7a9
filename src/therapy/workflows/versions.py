"""Versions: all that a session's transcript has had, oldest first."""

from therapy.domain.access import Actor
from therapy.domain.session import Session
from therapy.domain.transcript_parts import VersionHeader
from therapy.ports.store import MOST_ITEMS
from therapy.repositories.records import Records
from therapy.workflows import review


async def listed(
    actor: Actor, session_id: str, after: int, limit: int, *, records: Records
) -> tuple[Session, tuple[VersionHeader, ...]]:
    """Return a session and the headers of its versions beyond number `after`, oldest first.

    At most `limit`, and one more page than the store lists at once is read for.

    Raises:
        WrongState: it has no transcript yet, or was cancelled.
    """
    session = await review.transcribed_session(actor, session_id, records=records)
    read = records.transcripts.headers
    found = await read(session.practice_id, session_id, after, min(limit, MOST_ITEMS))
    if len(found) < limit and len(found) == MOST_ITEMS:
        more = await read(session.practice_id, session_id, found[-1].number, limit - MOST_ITEMS)
        found = (*found, *more)
    return session, found
