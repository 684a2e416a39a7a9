"""Former sessions: those that a patient could read until their link was undone, a record for each patient.

Lists of sessions are brought up to date after the sessions. Until then this record says what in a patient's
list is out of date: it is written before the link is undone. It is in the practice's partition, beside its
settings, so that whatever is withheld from a patient is read in one request.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.errors import NotFound, Stale
from therapy.domain.partition_keys import part
from therapy.domain.people import Practice
from therapy.domain.session_entry import SessionEntry
from therapy.repositories.change import Pending
from therapy.repositories.practices import PRACTICE, Practices, practice_partition
from therapy.repositories.repository import Repository

FORMER = "former-sessions"

REMEMBERED = timedelta(days=90)
"""How long after the last change: any list has been brought up to date long before."""


class FormerSessions(Struct, frozen=True, omit_defaults=True):
    """By session, the `sequence` that the first entry without the patient has: older ones are out of date."""

    practice_id: str
    person_id: str
    changed_at: datetime | None = None
    sequences: dict[str, int] = {}
    version: int = 0

    def with_session(self, session_id: str, sequence: int, now: datetime) -> "FormerSessions":
        """Return the record with a session noted, unless a greater sequence is noted already."""
        if self.sequences.get(session_id, 0) >= sequence:
            return self
        return replace(self, changed_at=now, sequences={**self.sequences, session_id: sequence})

    def has(self, entry: SessionEntry) -> bool:
        """Return whether an entry that names the patient is out of date, i.e. from before the link's end."""
        return entry.sequence < self.sequences.get(entry.session_id, 0)


class FormerSessionsOfPatients(Repository[FormerSessions]):
    """Stores the record of each patient; `FormerSessions.version` guards every change."""

    kind = FORMER
    struct = FormerSessions

    def expires_at(self, record: FormerSessions) -> datetime | None:
        return record.changed_at + REMEMBERED if record.changed_at else None

    async def load(self, practice_id: str, person_id: str) -> FormerSessions:
        """Return a patient's record, an empty one if there is none."""
        stored = await self.get(practice_partition(practice_id), _id(person_id))
        return stored or FormerSessions(practice_id, person_id)

    async def load_with_practice(
        self, practice_id: str, person_id: str
    ) -> tuple[Practice, FormerSessions]:
        """Return the practice and the patient's record, an empty one if there is none.

        Raises:
            NotFound: there is no such practice.
        """
        partition, item_id = practice_partition(practice_id), _id(person_id)
        items = await self._store.get(partition, PRACTICE, item_id)
        if PRACTICE not in items:
            raise NotFound(practice=practice_id)
        practice = Practices(self._store).read(items[PRACTICE])
        if item_id not in items:
            return practice, FormerSessions(practice_id, person_id)
        return practice, self.read(items[item_id])

    def write(self, record: FormerSessions) -> Pending:
        """Write a record that is new (version 0) or unchanged since it was read; else Stale."""
        partition, item_id = practice_partition(record.practice_id), _id(record.person_id)
        return self.save(partition, item_id, record, record.version, Stale(kind=FORMER))

    def remove(self, practice_id: str, person_id: str) -> Pending:
        """Delete a patient's record. Idempotent."""
        return self.delete(practice_partition(practice_id), _id(person_id))


def _id(person_id: str) -> str:
    return f"{FORMER}-{part(person_id)}"
