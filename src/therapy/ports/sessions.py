"""Sessions: the documents, the versions of their transcripts, and what follows from a change."""

from abc import ABC, abstractmethod

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.outbox import OutboxItem
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion


class Change(Struct, frozen=True):
    """What one batch writes, all of one session; every part is optional.

    `session` and `runs` carry in their `version` the one they were read with (0 = new).
    """

    session: Session | None = None
    transcript: TranscriptVersion | None = None
    runs: tuple[Run, ...] = ()
    outbox: tuple[OutboxItem, ...] = ()
    drop_transcripts: bool = False


def same_words(stored: TranscriptVersion, given: TranscriptVersion) -> bool:
    """Tell whether the two differ in scores and insights at most: then the one may replace the other."""
    return _without_scores(stored) == _without_scores(given)


def _without_scores(version: TranscriptVersion) -> TranscriptVersion:
    bare = tuple(replace(each, scores=None) for each in version.utterances)
    return replace(version, utterances=bare, sentiment_gap="", insights=None)


class Sessions(ABC):
    """Keeps sessions; what one change writes is written together or not at all."""

    @abstractmethod
    async def commit(self, practice_id: str, session_id: str, change: Change) -> None:
        """Write a change in one atomic batch; each written session and run gets `version` + 1.

        The words of a version of a transcript never change: the same number may be written again
        only with other scores (`Utterance.scores`, `TranscriptVersion.sentiment_gap`) or other `insights`.
        `drop_transcripts` deletes all versions that the session has, in the same batch. An outbox
        item whose id is there already is replaced.

        Raises:
            Stale: the stored session has another version than the one given (one that is there
                already counts as such when 0 is given, one that is missing when not), or that
                number of a transcript exists with other words. Nothing was written.
            LeaseLost: the same for a run. Nothing was written.
        """

    @abstractmethod
    async def load(self, practice_id: str, session_id: str) -> Session:
        """Give a session as last written.

        Raises:
            NotFound: there is none in this practice.
        """

    @abstractmethod
    async def transcript(self, practice_id: str, session_id: str, number: int) -> TranscriptVersion:
        """Give one version of a session's transcript.

        Raises:
            NotFound: the session or that number does not exist, or was erased.
        """
