"""A thirteenth record, as whoever adds one would write it: this file is all of it.

Answers kept by idempotency key: whoever sends a request again under the same key, on the same route, gets
the answer that it had. The key is taken before the work begins; one whose writer died is found by a sweep
in `ABANDONED`, and everything is forgotten after a day.
"""

from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct

from therapy.domain.errors import AlreadyExists, Stale
from therapy.domain.partition_keys import key, part
from therapy.repositories.change import Pending
from therapy.repositories.repository import Due, Repository

ABANDONED = "answer.abandoned"
PATIENCE = timedelta(minutes=5)
KEPT_FOR = timedelta(days=1)


class AnswerState(Enum):
    """How far the request is."""

    IN_WORK = "in_work"
    ANSWERED = "answered"


class KeptAnswer(Struct, frozen=True, omit_defaults=True):
    """What a request under a key was answered with; `body_hash` tells another request from the same one."""

    practice_id: str
    person_id: str
    route: str
    key: str
    body_hash: str
    at: datetime
    state: AnswerState = AnswerState.IN_WORK
    status: int = 0
    version: int = 0


class KeptAnswers(Repository[KeptAnswer]):
    """Keeps answers of a person in one partition."""

    kind = "answer"
    struct = KeptAnswer

    def due(self, record: KeptAnswer) -> Due | None:
        in_work = record.state is AnswerState.IN_WORK
        return Due(ABANDONED, record.at + PATIENCE) if in_work else None

    def expires_at(self, record: KeptAnswer) -> datetime | None:
        return record.at + KEPT_FOR

    async def load(
        self, practice_id: str, person_id: str, route: str, key: str
    ) -> KeptAnswer | None:
        """Return the answer kept under a key; None if the key is free."""
        return await self.get(_partition(practice_id, person_id), _id(route, key))

    async def of_person(self, practice_id: str, person_id: str) -> tuple[KeptAnswer, ...]:
        """Return what is kept of a person, in order of routes and keys."""
        return await self.list_all(_partition(practice_id, person_id), "answer-")

    def write(self, answer: KeptAnswer) -> Pending:
        """Take a key (version 0), else AlreadyExists; or write its answer as it was read, else Stale."""
        partition = _partition(answer.practice_id, answer.person_id)
        refused = Stale(kind=self.kind) if answer.version else AlreadyExists(kind=self.kind)
        item_id = _id(answer.route, answer.key)
        return self.save(partition, item_id, answer, answer.version, refused)


def _partition(practice_id: str, person_id: str) -> str:
    return key("answers", practice_id, person_id)


def _id(route: str, name: str) -> str:
    return f"answer-{part(route)}|{part(name)}"
