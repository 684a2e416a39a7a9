"""The session index in memory."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from msgspec.structs import replace

from therapy.domain import codec
from therapy.domain.errors import NotFound
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry, found
from therapy.domain.session_status import SessionStatus
from therapy.ports.session_index import SessionIndex


@dataclass(frozen=True)
class _Stored:
    body: bytes
    words: tuple[str, ...]
    sequence: int


class MemorySessionIndex(SessionIndex):
    """Scans every entry of the practice. None is stored for a session that was removed."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Stored | None] = {}

    async def put(self, practice_id: str, entry: SessionEntry) -> None:
        key = practice_id, entry.session_id
        stored = self._entries.get(key)
        removed = key in self._entries and stored is None
        if removed or (stored is not None and stored.sequence > entry.sequence):
            return
        self._entries[key] = _Stored(
            codec.encode(replace(entry, words=())), entry.words, entry.sequence
        )

    async def remove(self, practice_id: str, session_id: str) -> None:
        self._entries[practice_id, session_id] = None

    async def get(self, practice_id: str, session_id: str) -> SessionEntry:
        stored = self._entries.get((practice_id, session_id))
        if stored is None:
            raise NotFound(session=session_id)
        return codec.decode(SessionEntry, stored.body)

    async def of_therapist(
        self,
        practice_id: str,
        therapist_id: str,
        states: Collection[SessionStatus],
        before: str,
        limit: int,
    ) -> tuple[SessionEntry, ...]:
        def listed(entry: SessionEntry) -> bool:
            return entry.therapist_id == therapist_id and entry.state in states

        return self._list(practice_id, listed, before, limit)

    async def of_patient(
        self, practice_id: str, person_id: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        def listed(entry: SessionEntry) -> bool:
            return (
                entry.patient_person_id == person_id != "" and entry.state is SessionStatus.CLOSED
            )

        return self._list(practice_id, listed, before, limit)

    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        def listed(entry: SessionEntry) -> bool:
            own = entry.therapist_id == therapist_id and entry.state is SessionStatus.CLOSED
            return own and found(entry, query)

        return self._list(practice_id, listed, before, limit)

    def _list(
        self, practice_id: str, listed: Callable[[SessionEntry], bool], before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        stored = [
            each for (owner, _), each in self._entries.items() if owner == practice_id and each
        ]
        entries = [
            replace(codec.decode(SessionEntry, each.body), words=each.words) for each in stored
        ]
        chosen = [
            entry for entry in entries if listed(entry) and (not before or entry.sort_key < before)
        ]
        chosen.sort(key=lambda entry: entry.sort_key, reverse=True)
        most = max(0, min(limit, MOST_ENTRIES))
        return tuple(replace(entry, words=()) for entry in chosen[:most])
