"""Samples of what is kept of drafts: what `samples.Sample` is made of. The name is their session's."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tests.builders import NOW, PRACTICE, SESSION, THERAPIST
from therapy.domain.draft import Draft, DraftPart, LineChange
from therapy.domain.errors import Stale
from therapy.ports.store import Store
from therapy.repositories.change import Pending
from therapy.repositories.drafts import Drafts
from therapy.repositories.repository import Repository
from therapy.repositories.sessions import session_partition

HEAD, PART = "draft-1|head", "draft-1|part-00"


def of_drafts(name: str) -> Callable[[Store], Repository[Any]]:
    return lambda store: getattr(Drafts(store), name)


def write_head(repository: Any, record: Any, place: Any) -> Pending:
    return repository.save(session_partition(*place), HEAD, record, record.version, Stale())


DRAFT_SAMPLES: dict[str, dict[str, Any]] = {
    "draft": {
        "repository": of_drafts("_heads"),
        "record": Draft(PRACTICE, SESSION, THERAPIST, "revision-1", NOW, base_version=1),
        "write": write_head,
        "load": lambda repository, place: repository.get(session_partition(*place), HEAD),
        "named": lambda record, place: replace(
            record, practice_id=place.practice, session_id=place.name
        ),
        "text": "revision",
    },
    "draft-part": {
        "repository": of_drafts("_parts"),
        "record": DraftPart("revision-1", (LineChange(0, removed=True),)),
        "write": lambda repository, record, place: repository.put(
            session_partition(*place), PART, record
        ),
        "load": lambda repository, place: repository.get(session_partition(*place), PART),
        "taken": None,
        "stale": None,
        "text": "revision",
        "unknown": {"changes": [{"start_ms": 0, "speaker": "Chorus"}]},
    },
}
