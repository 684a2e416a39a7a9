"""Rows in memory."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from msgspec.structs import replace

from therapy.domain import codec
from therapy.domain.errors import NotFound
from therapy.domain.listing import MOST_ROWS, Row, found
from therapy.domain.status import ApiState
from therapy.ports.rows import Rows


@dataclass(frozen=True)
class _Stored:
    body: bytes
    words: tuple[str, ...]
    sequence: int


class MemoryRows(Rows):
    """Looks at every row of the practice; None stands for a session that was removed."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], _Stored | None] = {}

    async def put(self, practice_id: str, row: Row) -> None:
        key = practice_id, row.session_id
        stored = self._rows.get(key)
        removed = key in self._rows and stored is None
        if removed or (stored is not None and stored.sequence > row.sequence):
            return
        self._rows[key] = _Stored(codec.encode(replace(row, words=())), row.words, row.sequence)

    async def remove(self, practice_id: str, session_id: str) -> None:
        self._rows[practice_id, session_id] = None

    async def get(self, practice_id: str, session_id: str) -> Row:
        stored = self._rows.get((practice_id, session_id))
        if stored is None:
            raise NotFound(session=session_id)
        return codec.decode(Row, stored.body)

    async def of_therapist(
        self,
        practice_id: str,
        therapist_id: str,
        states: Collection[ApiState],
        before: str,
        limit: int,
    ) -> tuple[Row, ...]:
        def listed(row: Row) -> bool:
            return row.therapist_id == therapist_id and row.state in states

        return self._list(practice_id, listed, before, limit)

    async def of_patient(
        self, practice_id: str, person_id: str, before: str, limit: int
    ) -> tuple[Row, ...]:
        def listed(row: Row) -> bool:
            return row.patient_person_id == person_id != "" and row.state is ApiState.CLOSED

        return self._list(practice_id, listed, before, limit)

    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[Row, ...]:
        def listed(row: Row) -> bool:
            own = row.therapist_id == therapist_id and row.state is ApiState.CLOSED
            return own and found(row, query)

        return self._list(practice_id, listed, before, limit)

    def _list(
        self, practice_id: str, listed: Callable[[Row], bool], before: str, limit: int
    ) -> tuple[Row, ...]:
        stored = [each for (owner, _), each in self._rows.items() if owner == practice_id and each]
        rows = [replace(codec.decode(Row, each.body), words=each.words) for each in stored]
        chosen = [row for row in rows if listed(row) and (not before or row.sort_key < before)]
        chosen.sort(key=lambda row: row.sort_key, reverse=True)
        most = max(0, min(limit, MOST_ROWS))
        return tuple(replace(row, words=()) for row in chosen[:most])
