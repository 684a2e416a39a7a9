"""Playbacks: what was made of a session's recordings for players, in the session's partition."""

from msgspec.structs import replace

from therapy.domain.playback import Playback
from therapy.domain.session import Session
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository
from therapy.repositories.sessions import session_partition

ITEM = "playback"
"""The id of the one in each session's partition."""


class Playbacks(Repository[Playback]):
    """Stores one for each session: that of the recordings that it had when it was made."""

    kind = "playback"
    struct = Playback

    async def of_session(self, practice_id: str, session_id: str) -> Playback | None:
        """Return what was made last; None if nothing was, or the session is absent."""
        return await self.get(session_partition(practice_id, session_id), ITEM)

    def write(self, session: Session, playback: Playback) -> Pending:
        """Write what was made, replacing what was before."""
        partition = session_partition(session.practice_id, session.id)
        return self.put(partition, ITEM, playback)

    def forget(self, practice_id: str, session_id: str, playback: Playback) -> Pending:
        """Note that its file is missing; Stale if another one was made meanwhile.

        It is not deleted: one that is made later would have the same version again, and whoever read this one
        could forget that.
        """
        partition, of_nothing = (
            session_partition(practice_id, session_id),
            replace(playback, content=""),
        )
        return self.replace(partition, ITEM, of_nothing, playback.version)
