"""Sessions in memory."""

from dataclasses import replace as copy

from msgspec import Struct
from msgspec.structs import replace

from therapy.adapters.memory.shelf import MemoryShelf, Partition
from therapy.domain import codec
from therapy.domain.errors import LeaseLost, NotFound, Stale
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sessions import Change, Sessions, same_words


class MemorySessions(Sessions):
    """Checks a change on a copy of the partition, then puts the copy in its place."""

    def __init__(self, shelf: MemoryShelf) -> None:
        self._shelf = shelf

    async def commit(self, practice_id: str, session_id: str, change: Change) -> None:
        key = practice_id, session_id
        old = self._shelf.partitions[key]
        new = copy(
            old, transcripts=dict(old.transcripts), runs=dict(old.runs), outbox=dict(old.outbox)
        )
        _write_session(new, change, session_id)
        for run in change.runs:
            if run.version != _version(new.runs.get(run.id)):
                raise LeaseLost(run=run.id)
            new.runs[run.id] = codec.encode(replace(run, version=run.version + 1))
        for item in change.outbox:
            new.outbox[item.id] = codec.encode(item)
        self._shelf.partitions[key] = new

    async def load(self, practice_id: str, session_id: str) -> Session:
        partition = self._shelf.partitions.get((practice_id, session_id))
        if partition is None or partition.session is None:
            raise NotFound(session=session_id)
        return codec.decode(Session, partition.session)

    async def transcript(self, practice_id: str, session_id: str, number: int) -> TranscriptVersion:
        partition = self._shelf.partitions.get((practice_id, session_id))
        if partition is None or number not in partition.transcripts:
            raise NotFound(session=session_id)
        return codec.decode(TranscriptVersion, partition.transcripts[number])


def _write_session(partition: Partition, change: Change, session_id: str) -> None:
    session, transcript = change.session, change.transcript
    if session is not None:
        if session.version != _version(partition.session):
            raise Stale(session=session_id)
        partition.session = codec.encode(replace(session, version=session.version + 1))
    if change.drop_transcripts:
        partition.transcripts.clear()
    if transcript is not None:
        stored = partition.transcripts.get(transcript.number)
        if stored is not None and not same_words(
            codec.decode(TranscriptVersion, stored), transcript
        ):
            raise Stale(session=session_id, transcript=transcript.number)
        partition.transcripts[transcript.number] = codec.encode(transcript)


class _Versioned(Struct):
    version: int = 0


def _version(stored: bytes | None) -> int:
    return codec.decode(_Versioned, stored).version if stored is not None else 0
