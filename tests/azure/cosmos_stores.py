"""Stores on the Cosmos emulator, and a story that uses every one of their calls.

The story gives what each call gave, so that a test can compare it with the same story told while
requests fail.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    PATIENT,
    PRACTICE,
    SECOND,
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
    an_entry,
    an_item,
    an_upload,
)
from tests.contract.azure import cosmos_adapters, empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.session_index import CosmosSessionIndex
from therapy.adapters.azure.devices import CosmosDevices
from therapy.adapters.azure.logins import CosmosLogins
from therapy.adapters.azure.outbox import CosmosOutbox
from therapy.adapters.azure.people import CosmosPeople
from therapy.adapters.azure.reservations import CosmosReservations
from therapy.adapters.azure.runs import CosmosRuns
from therapy.adapters.azure.sessions import CosmosSessions
from therapy.adapters.azure.uploads import CosmosUploads
from therapy.domain.errors import TherapyError
from therapy.domain.run import claimed, done
from therapy.domain.session import State
from therapy.domain.session_status import SessionStatus
from therapy.ports.sessions import Change

__all__ = ["hasty", "stores"]

AT_ONCE = timedelta()


@dataclass(frozen=True)
class Stores:
    """Every store that is on Cosmos."""

    emulator: Emulator
    cosmos: Cosmos
    sessions: CosmosSessions
    runs: CosmosRuns
    outbox: CosmosOutbox
    session_index: CosmosSessionIndex
    people: CosmosPeople
    logins: CosmosLogins
    devices: CosmosDevices
    uploads: CosmosUploads
    reservations: CosmosReservations

    def operations(self) -> dict[str, int]:
        """How many requests of each kind there were since the emulator was cleared.

        Without those about no item: some SDKs ask once for a container's ranges.
        """
        counts: dict[str, int] = {}
        for container in self.emulator.seen()["containers"].values():
            for kind, number in container["operations"].items():
                counts[kind] = counts.get(kind, 0) + number
        counts.pop("meta", None)
        return counts

    def requests(self) -> int:
        return sum(self.operations().values())


@pytest.fixture
async def stores(cosmos: Emulator) -> AsyncIterator[Stores]:
    """Empty stores. Failed calls are repeated without a pause."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0)) as opened:
        cosmos.clear()
        yield Stores(cosmos, opened, **cosmos_adapters(opened))


@pytest.fixture
async def hasty(cosmos: Emulator) -> AsyncIterator[Stores]:
    """The same, but announcements and half done things are taken for settled at once."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0), settle=AT_ONCE) as opened:
        cosmos.clear()
        yield Stores(cosmos, opened, **cosmos_adapters(opened))


Step = Callable[[], Awaitable[Any]]


async def outcome(step: Step) -> Any:
    """What a call gives, or which error it raises."""
    try:
        return await step()
    except TherapyError as exc:
        return type(exc), exc.code


def story(stores: Stores) -> list[Step]:
    """The life of a practice, call by call; each can be made again if it failed."""
    people, logins, devices = stores.people, stores.logins, stores.devices
    taken = claimed(a_run(version=1), lease="w", now=NOW, hold=30 * SECOND, within=HOUR)
    over = done(replace(taken, version=2))
    transcribed = a_session(version=1, state=State.AWAITING_REVIEW, transcript_number=1)
    erased = a_session(version=2, state=State.ERASED)
    waiting = an_entry(state=SessionStatus.AWAITING_REVIEW)
    closed = an_entry(sequence=2, words=("calm", "sleep"))
    moved = replace(closed, sequence=3, therapist_id="therapist-2", patient_person_id="patient-2")
    rotated = a_login(version=1, refresh_hash="hash-2", previous_hash="hash-1")

    def commit(**parts: Any) -> Step:
        return lambda: stores.sessions.commit(PRACTICE, SESSION, Change(**parts))

    return [
        lambda: people.put_practice(PRACTICE, a_practice()),
        lambda: people.practice(PRACTICE),
        people.practices,
        lambda: people.add(PRACTICE, a_person()),
        lambda: people.add(PRACTICE, a_person(id="other", number="111111111")),
        lambda: people.by_email("Jordan.White1@example.health"),
        lambda: people.by_number(PRACTICE, "203948571"),
        lambda: people.save(PRACTICE, a_person(version=1, picture_url="there")),
        lambda: people.search(PRACTICE, None, "jordan", "", 10),
        lambda: logins.add(PRACTICE, a_login()),
        lambda: logins.rotate(PRACTICE, rotated),
        lambda: logins.by_refresh("hash-1"),
        lambda: logins.add_reset(PRACTICE, a_reset()),
        lambda: logins.use_reset("reset-1", NOW),
        lambda: logins.reset("reset-1", NOW),
        lambda: devices.put(PRACTICE, a_device()),
        lambda: devices.of_person(PRACTICE, PATIENT),
        lambda: devices.remove(PRACTICE, "token-1"),
        lambda: devices.of_person(PRACTICE, PATIENT),
        lambda: logins.end_all(PRACTICE, PATIENT),
        lambda: logins.by_refresh("hash-2"),
        lambda: stores.uploads.put(PRACTICE, an_upload()),
        lambda: stores.uploads.expired(NOW + 2 * DAY, 10),
        lambda: stores.uploads.remove(PRACTICE, "upload-1"),
        lambda: stores.uploads.get(PRACTICE, "upload-1"),
        lambda: stores.reservations.reserve(PRACTICE, "key", "one"),
        lambda: stores.reservations.reserve(PRACTICE, "key", "two"),
        lambda: stores.reservations.replace(PRACTICE, "key", "one", "three"),
        lambda: stores.reservations.release(PRACTICE, "key", "three"),
        commit(session=a_session(), runs=(a_run(),), outbox=(an_item("a"), an_item("b"))),
        lambda: stores.runs.due(NOW, 10),
        lambda: stores.runs.save(PRACTICE, taken),
        commit(session=transcribed, transcript=a_version(), runs=(over,), outbox=(an_item("c"),)),
        lambda: stores.sessions.load(PRACTICE, SESSION),
        lambda: stores.sessions.transcript(PRACTICE, SESSION, 1),
        lambda: stores.runs.of_session(PRACTICE, SESSION),
        lambda: stores.outbox.update(PRACTICE, an_item("a", attempts=1, due_at=NOW)),
        lambda: stores.outbox.done(PRACTICE, SESSION, "b"),
        lambda: stores.outbox.pending(PRACTICE, SESSION),
        lambda: stores.outbox.overdue(NOW + MINUTE, 10),
        lambda: stores.session_index.put(PRACTICE, waiting),
        lambda: stores.session_index.put(PRACTICE, closed),
        lambda: stores.session_index.search(PRACTICE, THERAPIST, "sle cal", "", 10),
        lambda: stores.session_index.put(PRACTICE, moved),
        lambda: stores.session_index.of_therapist(
            PRACTICE, THERAPIST, tuple(SessionStatus), "", 10
        ),
        lambda: stores.session_index.of_therapist(
            PRACTICE, "therapist-2", {SessionStatus.CLOSED}, "", 10
        ),
        lambda: stores.session_index.of_patient(PRACTICE, PATIENT, "", 10),
        lambda: stores.session_index.of_patient(PRACTICE, "patient-2", "", 10),
        lambda: stores.session_index.get(PRACTICE, SESSION),
        lambda: stores.session_index.remove(PRACTICE, SESSION),
        lambda: stores.session_index.of_therapist(
            PRACTICE, "therapist-2", tuple(SessionStatus), "", 10
        ),
        lambda: stores.session_index.search(PRACTICE, "therapist-2", "calm", "", 10),
        commit(session=erased, drop_transcripts=True),
        lambda: stores.sessions.transcript(PRACTICE, SESSION, 1),
    ]
