"""Sessions: a small document each, in a partition that it shares with everything else of the session."""

from therapy.domain.errors import NotFound, Stale
from therapy.domain.partition_keys import key
from therapy.domain.session import Session
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository

SESSION = "session"


def session_partition(practice_id: str, session_id: str) -> str:
    """Return the partition of a session."""
    return key("session", practice_id, session_id)


class Sessions(Repository[Session]):
    """Stores sessions; `Session.version` guards every change."""

    kind = "session"
    struct = Session

    async def load(self, practice_id: str, session_id: str) -> Session:
        """Return a session as last written.

        Raises:
            NotFound: there is none in this practice.
        """
        session = await self.get(session_partition(practice_id, session_id), SESSION)
        if session is None:
            raise NotFound(session=session_id)
        return session

    def partition_of(self, session: Session) -> str:
        """Return the partition in which a session and everything of it is."""
        return session_partition(session.practice_id, session.id)

    def write(self, session: Session) -> Pending:
        """Write a session that is new (version 0) or unchanged since it was read; else Stale."""
        partition = session_partition(session.practice_id, session.id)
        return self.save(partition, SESSION, session, session.version, Stale(session=session.id))

    def unchanged(self, session: Session) -> Pending:
        """Change nothing, but refuse the commit (Stale) if the session was written since it was read."""
        partition = session_partition(session.practice_id, session.id)
        return self.check(partition, SESSION, session.version, Stale(session=session.id))
