"""The search over people in memory."""

from typing import NamedTuple

from therapy.domain import codec
from therapy.domain.people import Role
from therapy.domain.person_entry import MOST_PEOPLE, PersonEntry, person_found
from therapy.ports.people_index import PeopleIndex


class _Stored(NamedTuple):
    sequence: int
    body: bytes


class MemoryPeopleIndex(PeopleIndex):
    """Scans every entry of the practice. None is stored for a person who was removed."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Stored | None] = {}

    async def put(self, practice_id: str, entry: PersonEntry) -> None:
        written = _Stored(entry.sequence, codec.encode(entry))
        stored = self._entries.setdefault((practice_id, entry.id), written)
        if stored is not None and stored.sequence <= entry.sequence:
            self._entries[practice_id, entry.id] = written

    async def remove(self, practice_id: str, person_id: str) -> None:
        self._entries[practice_id, person_id] = None

    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[PersonEntry, ...]:
        name, _, last_id = after.rpartition("|")
        chosen = [
            entry
            for entry in self._of_practice(practice_id)
            if (role is None or entry.role is role)
            and person_found(entry, query)
            and (not after or entry.sort_key > (name, last_id))
        ]
        chosen.sort(key=lambda entry: entry.sort_key)
        return tuple(chosen[: max(0, min(limit, MOST_PEOPLE))])

    def _of_practice(self, practice_id: str) -> list[PersonEntry]:
        """Return a practice's entries, except those that only a newer program can read."""
        stored = [each for (owner, _), each in self._entries.items() if owner == practice_id]
        entries = [codec.decode_if_known(PersonEntry, each.body) for each in stored if each]
        return [entry for entry in entries if entry is not None]
