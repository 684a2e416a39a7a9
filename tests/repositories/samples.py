"""One sample of every record, with what `test_every_record` needs to hold it to what all records promise.

A new record adds an entry to SAMPLES; test_every_record fails for a repository of src that has none.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tests.builders import (
    DAY,
    NOW,
    PATIENT,
    PRACTICE,
    SESSION,
    THERAPIST,
    a_device,
    a_login,
    a_person,
    a_practice,
    a_reset,
    a_run,
    a_session,
    a_version,
    an_item,
    an_upload,
)
from tests.repositories.playback_samples import MORE_SAMPLES
from tests.repositories.thirteenth_record import KeptAnswer, KeptAnswers
from therapy.domain.errors import AlreadyExists, LeaseLost, NotFound, Stale, TherapyError
from therapy.domain.insights import Gap, Insights, Part
from therapy.domain.outbox import PushDue, PushKind
from therapy.domain.partition_keys import digest, part
from therapy.domain.people import Role
from therapy.domain.sentiment import Scores
from therapy.domain.transcript_parts import VersionScores, header_of
from therapy.domain.upload import ReceivedBytes
from therapy.ports.store import Store
from therapy.repositories.change import Pending
from therapy.repositories.devices import DevicePointer, DevicePointers, Devices
from therapy.repositories.former_sessions import FormerSessions, FormerSessionsOfPatients
from therapy.repositories.link_changes import LinkChange, LinkChanges
from therapy.repositories.logins import Logins, OldToken, OldTokens
from therapy.repositories.outbox import Outbox, Placed
from therapy.repositories.people import EmailOwner, NumberOwner, People
from therapy.repositories.practices import Practices, practice_partition
from therapy.repositories.received_bytes import ReceivedBytesOfDays
from therapy.repositories.repository import Repository
from therapy.repositories.reset_tokens import ResetTokens
from therapy.repositories.runs import Runs
from therapy.repositories.sessions import Sessions, session_partition
from therapy.repositories.transcripts import Transcripts
from therapy.repositories.unique_keys import KeyOwner, UniqueKey, UniqueKeys
from therapy.repositories.uploads import Uploads


class Place(NamedTuple):
    """Where a record is: in which practice, and what it is called there."""

    practice: str = PRACTICE
    name: str = "name-1"


Write = Callable[[Any, Any, Place], Pending]
Load = Callable[[Any, Place], Awaitable[Any]]


@dataclass(frozen=True)
class Sample:
    """A record and how it is written and read.

    `write` returns the write of a record that is new (version 0) or as it was read; `load` returns it from
    there, None or NotFound if there is none. `named` puts the names of a place into the record, where it
    has them. `taken` is the error of writing a new one twice, None where the last one to write wins;
    `stale` that of another version than the stored one, None where records have no version. `text` is a
    field that takes any text; `changes` are fields that may change, where it is not this one; `unknown`
    are fields as only a newer program writes them. `everywhere` is true where all practices share names.
    """

    repository: Callable[[Store], Repository[Any]]
    record: Struct
    write: Write
    load: Load
    named: Callable[[Any, Place], Any] = lambda record, _: record
    taken: type[TherapyError] | None = Stale
    stale: type[TherapyError] | None = Stale
    text: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, Any] = field(default_factory=dict)
    everywhere: bool = False

    @property
    def another(self) -> dict[str, Any]:
        """Fields of another record in the same place."""
        return self.changes or {self.text: "changed"}


def fields(**names: str) -> Callable[[Any, Place], Any]:
    """Return a function that puts the parts of a place into these fields of a record."""

    def named(record: Any, place: Place) -> Any:
        return replace(record, **{each: getattr(place, names[each]) for each in names})

    return named


def outbox_item(repository: Outbox, record: Any, place: Place) -> Pending:
    partition = session_partition(place.practice, SESSION)
    placed, pending = repository.new(partition, record, 7)
    return repository.rewrite(placed, record) if record.version else pending


async def outbox_item_at(repository: Outbox, place: Place) -> Any:
    placed: tuple[Placed, ...] = await repository.pending(
        session_partition(place.practice, SESSION)
    )
    return next((each.item for each in placed if each.item.id == place.name), None)


def person(repository: People, record: Any, _: Place) -> Pending:
    return repository.write(record, record) if record.version else repository.new(record)[-1]


def key_owner(repository: UniqueKeys, record: Any, place: Place) -> Pending:
    held = UniqueKey(*place, record.value, record.expires_at, record.version)
    return repository.hand_over(held, record.value) if record.version else repository.take(held)


async def key_owner_at(repository: UniqueKeys, place: Place) -> Any:
    held = await repository.load(*place)
    return held and KeyOwner(held.value, held.expires_at, held.version)


def number(repository: Any, record: Any, place: Place) -> Pending:
    owner = a_person(practice_id=place.practice, number=place.name, id=record.person_id)
    return People(repository._store).new(owner)[0]


async def number_at(repository: Any, place: Place) -> Any:
    return await repository.get(practice_partition(place.practice), f"number-{part(place.name)}")


def pointer_of(_: Any, place: Place) -> DevicePointer:
    return DevicePointer(place.practice, PATIENT, digest(place.name), NOW)


async def pointer_at(repository: DevicePointers, place: Place) -> Any:
    found = await repository.of_person(place.practice, PATIENT)
    return next((each for each in found if each.token_digest == digest(place.name)), None)


def part_of_version(item_id: str) -> tuple[Write, Load]:
    """Return how a part of a transcript's version is written and read; the name is its session's."""
    create = item_id.startswith(("version", "text"))

    def write(repository: Any, record: Any, place: Place) -> Pending:
        partition = session_partition(*place)
        if create:
            return repository.create(partition, item_id, record, Stale())
        return repository.put(partition, item_id, record)

    return write, lambda repository, place: repository.get(session_partition(*place), item_id)


def of_transcripts(name: str) -> Callable[[Store], Repository[Any]]:
    return lambda store: getattr(Transcripts(store), name)


async def link_change_at(repository: LinkChanges, place: Place) -> Any:
    return next(iter(await repository.of_session(*place)), None)


async def former_sessions_at(repository: FormerSessionsOfPatients, place: Place) -> Any:
    stored = await repository.load(*place)
    return stored if stored.version else None


SAMPLES: dict[str, Sample] = {
    "session": Sample(
        Sessions,
        a_session(),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: repository.load(*place),
        named=fields(practice_id="practice", id="name"),
        text="title",
        unknown={"state": "handed_over"},
    ),
    "version": Sample(
        of_transcripts("_headers"),
        header_of(a_version()),
        *part_of_version("version-000001"),
        stale=None,
        text="engine",
        unknown={"source": "translation"},
    ),
    "text": Sample(
        of_transcripts("_texts"),
        a_version(),
        *part_of_version("text-000001"),
        stale=None,
        text="engine",
        unknown={"source": "translation"},
    ),
    "scores": Sample(
        of_transcripts("_scores"),
        VersionScores((Scores(0.5, 0.25, 0.25), None)),
        *part_of_version("scores-000001"),
        taken=None,
        stale=None,
        text="sentiment_gap",
        unknown={"scores": ["of another kind"]},
    ),
    "insights": Sample(
        of_transcripts("_insights"),
        Insights(("a week",), gaps=(Gap(Part.SUMMARY, "insights_language"),)),
        *part_of_version("insights-000001"),
        taken=None,
        stale=None,
        text="summary_draft",
        unknown={"gaps": [{"part": "mood_board", "code": "none"}]},
    ),
    "run": Sample(
        Runs,
        a_run(),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: first(repository.of_session(place.practice, place.name)),
        named=fields(practice_id="practice", session_id="name"),
        taken=LeaseLost,
        stale=LeaseLost,
        text="stage",
        unknown={"kind": "translate"},
    ),
    "outbox": Sample(
        Outbox,
        an_item(what=PushDue(PushKind.SESSION_READY, "someone", SESSION)),
        write=outbox_item,
        load=outbox_item_at,
        named=fields(practice_id="practice", id="name"),
        text="id",
        changes={"attempts": 3},
        unknown={"what": {"type": "audit_fact", "fact": "read"}},
    ),
    "upload": Sample(
        Uploads,
        an_upload(),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: repository.load(*place),
        named=fields(practice_id="practice", id="name"),
        text="session_id",
    ),
    "received": Sample(
        ReceivedBytesOfDays,
        ReceivedBytes(PRACTICE, THERAPIST, NOW.date(), 44),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: repository.stored(*place, NOW.date()),
        named=fields(practice_id="practice", therapist_id="name"),
        changes={"size": 88},
    ),
    "login": Sample(
        Logins,
        a_login(),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: repository.load(place.practice, PATIENT, place.name),
        named=fields(practice_id="practice", sid="name"),
        text="refresh_hash",
    ),
    "token": Sample(
        OldTokens,
        OldToken(PRACTICE, PATIENT, "login-1", NOW + DAY),
        write=lambda repository, record, place: repository.write(place.name, record),
        load=lambda repository, place: repository.load(place.name),
        taken=None,
        stale=None,
        text="sid",
        everywhere=True,
    ),
    "reset": Sample(
        ResetTokens,
        a_reset(),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: repository.find(place.practice, PATIENT, place.name),
        named=fields(practice_id="practice", token_hash="name"),
        taken=NotFound,
        stale=NotFound,
        text="person_id",
        changes={"created_at": NOW},
    ),
    "device": Sample(
        Devices,
        a_device(),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: repository.load(place.name),
        named=fields(practice_id="practice", token="name"),
        taken=None,
        stale=None,
        text="platform",
        everywhere=True,
    ),
    "device-pointer": Sample(
        DevicePointers,
        pointer_of(None, Place()),
        write=lambda repository, record, _: repository.write(record),
        load=pointer_at,
        named=pointer_of,
        taken=None,
        stale=None,
        changes={"at": NOW + DAY},
    ),
    "key": Sample(
        UniqueKeys,
        KeyOwner("mine", NOW + DAY),
        write=key_owner,
        load=key_owner_at,
        taken=AlreadyExists,
        text="value",
    ),
    **{name: Sample(**each) for name, each in MORE_SAMPLES.items()},
    "practice": Sample(
        Practices,
        a_practice(),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: repository.load(place.name),
        named=fields(id="name"),
        taken=None,
        stale=None,
        text="language",
        unknown={"patient_sees": "on_request"},
        everywhere=True,
    ),
    "person": Sample(
        People,
        a_person(),
        write=person,
        load=lambda repository, place: repository.load(*place),
        named=fields(practice_id="practice", id="name"),
        taken=AlreadyExists,
        text="picture_url",
        unknown={"role": "SUPERVISOR"},
    ),
    "number": Sample(
        lambda store: People(store).numbers,
        NumberOwner(PATIENT),
        write=number,
        load=number_at,
        taken=AlreadyExists,
        stale=None,
        text="person_id",
    ),
    "email": Sample(
        lambda store: People(store).emails,
        EmailOwner(PRACTICE, PATIENT, NOW),
        write=lambda repository, record, place: repository.write(place.name, record),
        load=lambda repository, place: repository.load(place.name),
        taken=AlreadyExists,
        stale=AlreadyExists,
        text="practice_id",
        everywhere=True,
    ),
    "link-change": Sample(
        LinkChanges,
        LinkChange(PRACTICE, SESSION, 7, NOW, THERAPIST, Role.THERAPIST, before=PATIENT),
        write=lambda repository, record, _: repository.write(record),
        load=link_change_at,
        named=fields(practice_id="practice", session_id="name"),
        taken=Stale,
        stale=None,
        text="after",
        unknown={"role": "SUPERVISOR"},
    ),
    "former-sessions": Sample(
        FormerSessionsOfPatients,
        FormerSessions(PRACTICE, PATIENT, NOW, {SESSION: 7}),
        write=lambda repository, record, _: repository.write(record),
        load=former_sessions_at,
        named=fields(practice_id="practice", person_id="name"),
        taken=Stale,
        changes={"changed_at": NOW + DAY},
    ),
    "answer": Sample(
        KeptAnswers,
        KeptAnswer(PRACTICE, PATIENT, "POST", "key-1", "00ff", NOW),
        write=lambda repository, record, _: repository.write(record),
        load=lambda repository, place: repository.load(place.practice, PATIENT, "POST", place.name),
        named=fields(practice_id="practice", key="name"),
        taken=AlreadyExists,
        text="body_hash",
        unknown={"state": "on_its_way"},
    ),
}


async def first(found: Awaitable[tuple[Any, ...]]) -> Any:
    """Return the first of what was found; None if there is nothing."""
    return next(iter(await found), None)
