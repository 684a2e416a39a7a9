"""Sessions: the documents, the versions of their transcripts, and what follows from a change."""

from abc import ABC, abstractmethod

from msgspec import Struct

from therapy.domain.outbox import OutboxItem
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.domain.transcript import Version


class Change(Struct, frozen=True):
    """What one batch writes, all of one session; every part is optional.

    `session` and `runs` carry in their `version` the one they were read with (0 = new).
    """

    session: Session | None = None
    transcript: Version | None = None
    runs: tuple[Run, ...] = ()
    outbox: tuple[OutboxItem, ...] = ()
    drop_transcripts: bool = False


class Sessions(ABC):
    """Keeps sessions; what one change writes is written together or not at all."""

    @abstractmethod
    async def commit(self, practice_id: str, session_id: str, change: Change) -> None:
        """Write a change in one atomic batch; each written session and run gets `version` + 1.

        A version of a transcript is written once and never changed. `drop_transcripts` deletes all
        versions that the session has, in the same batch.

        Raises:
            Stale: the stored session has another version than the one given (one that is there
                already counts as such when 0 is given, one that is missing when not), or that
                number of a transcript exists. Nothing was written.
            LeaseLost: the same for a run. Nothing was written.
        """

    @abstractmethod
    async def load(self, practice_id: str, session_id: str) -> Session:
        """Give a session as last written.

        Raises:
            NotFound: there is none in this practice.
        """

    @abstractmethod
    async def transcript(self, practice_id: str, session_id: str, number: int) -> Version:
        """Give one version of a session's transcript.

        Raises:
            NotFound: the session or that number does not exist, or was erased.
        """
