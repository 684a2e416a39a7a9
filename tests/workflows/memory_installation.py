"""An installation over memory ports, with a clock that a test moves, and steps that tests begin with."""

import dataclasses
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.builders import (
    NOW,
    PRACTICE,
    SESSION,
    THERAPIST,
    a_device,
    a_person,
    a_practice,
    a_run,
    a_session,
    a_therapist,
    a_wav,
    an_actor,
    an_utterance,
    details,
)
from tests.logins import has_login
from tests.workflows.interrupted_ports import (
    FailingPeopleIndex,
    FailingRecordings,
    FailingSessionIndex,
    InterruptedStore,
)
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.access import Actor
from therapy.domain.insights_status import insights_run
from therapy.domain.partition_keys import digest
from therapy.domain.people import Device
from therapy.domain.person_limits import PersonLimits
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.domain.session_status import AWAITED_KINDS
from therapy.domain.transcript import Line, Speaker, TranscriptVersion, format_timestamp
from therapy.ports.store import Item, Store
from therapy.repositories.change import Change, Pending
from therapy.repositories.devices import DevicePointer
from therapy.repositories.outbox import Placed
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition
from therapy.testing.clock import Clock
from therapy.testing.memory import memory_ports
from therapy.workflows import accounts
from therapy.workflows.authentication import SignIn
from therapy.workflows.installation import Installation, Ports, install
from therapy.workflows.intake import Intake
from therapy.workflows.new_sessions import Receipt
from therapy.workflows.run_worker import RunWorker
from therapy.workflows.uploads import receiving

SCRIPT = (
    an_utterance("How did you sleep?", 0, speaker=Speaker.UNKNOWN, voice="0"),
    an_utterance("I am glad, it is better.", 3_000, speaker=Speaker.UNKNOWN, voice="1"),
)
SOUND = a_wav(b"\x10\x00" * 4_000)
ACTOR = an_actor()
PASSWORD = "good enough"


def in_session(session_id: str) -> str:
    """Return the partition of a session."""
    return session_partition(PRACTICE, session_id)


IN_SESSION = in_session(SESSION)

ENGINES = {"audio", "speech", "sentiment", "insights"}


@dataclass
class MemoryInstallation:
    """An installation, the ports that it was put together from, and their clock."""

    ports: Any
    clock: Clock
    options: dict[str, Any] = field(default_factory=dict)
    worker_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.installation: Installation = install(self.ports, languages=("en-US",), **self.options)
        self.records: Records = self.installation.records
        self.sign_in: SignIn = self.installation.sign_in
        self.intake: Intake = self.installation.intake
        self.store: InterruptedStore = self.ports.store
        self.recordings: FailingRecordings = self.ports.recordings

    def with_ports(self, **ports: Any) -> "MemoryInstallation":
        """Return another process of the same installation, with some ports of its own."""
        return dataclasses.replace(self, ports=replaced(self.ports, **ports))

    async def session(self, session_id: str = SESSION) -> Session:
        return await self.records.sessions.load(PRACTICE, session_id)

    async def runs(self, session_id: str = SESSION) -> tuple[Run, ...]:
        return await self.records.runs.of_session(PRACTICE, session_id)

    async def run(self, session_id: str = SESSION) -> Run:
        """Return the last run that the session waited for."""
        return [run for run in await self.runs(session_id) if run.kind in AWAITED_KINDS][-1]

    async def insights_run(self, session_id: str = SESSION) -> Run:
        run = insights_run(await self.runs(session_id))
        assert run is not None
        return run

    async def version(self, number: int, session_id: str = SESSION) -> TranscriptVersion:
        return await self.records.transcripts.load(PRACTICE, session_id, number)

    async def write(self, *pending: Pending) -> None:
        await Change(*pending).commit(self.store)

    async def waiting(self, partition: str = IN_SESSION) -> tuple[Placed, ...]:
        """Return what waits in a partition's outbox."""
        return await self.records.outbox.pending(partition)

    async def uploads(self) -> tuple[Item, ...]:
        return await self.store.list(f"uploads|{PRACTICE}", "upload-")

    async def work(self, session_id: str = SESSION, **ports: Any) -> None:
        worker = self.with_ports(**ports).worker if ports else self.worker
        await worker.work_on(PRACTICE, session_id)

    async def sweep(self) -> None:
        await self.installation.sweep.once()

    @property
    def dying_writer(self) -> Records:
        """Records of a process that dies after each commit, so that a sweep delivers what follows."""
        return Records(self.store, now=self.clock, new_id=self.ports.new_id)

    @property
    def worker(self) -> RunWorker:
        return dataclasses.replace(self.installation.worker, **self.worker_options)

    def told(self) -> list[str]:
        return [push.kind.value for _, push in self.ports.push.sent]


async def an_installation(
    *,
    options: dict[str, Any] | None = None,
    worker_options: dict[str, Any] | None = None,
    **ports: Any,
) -> MemoryInstallation:
    """Install a practice with a therapist who has a device, and a patient; without sessions.

    `ports` are single ports or engines by name, `options` go to `install`, `worker_options` replace
    what it gave the worker.
    """
    clock = Clock(NOW)
    interruptible: dict[str, Any] = {
        "store": InterruptedStore(MemoryStore(clock)),
        "session_index": FailingSessionIndex(),
        "people_index": FailingPeopleIndex(),
        "recordings": FailingRecordings(now=clock),
    }
    all_ports = replaced(memory_ports(said=SCRIPT, clock=clock), **interruptible | ports)
    options = {"limits": PersonLimits(uploads=500, uploads_in_all=500), **(options or {})}
    installed = MemoryInstallation(all_ports, clock, options, worker_options or {})
    await settle_in(installed)
    return installed


async def settle_in(installed: MemoryInstallation, **login: Any) -> None:
    """Add a practice with a therapist who has a device, and a patient; `login` is what the device's has."""
    records = installed.records
    hashed = await installed.ports.passwords.hash(PASSWORD)
    await accounts.put_practice(a_practice(), records=records)
    await accounts.add_person(a_therapist(password_hash=hashed), records=records)
    await accounts.add_person(a_person(password_hash=hashed), records=records)
    await registered(a_device(person_id=THERAPIST), records=records, **login)


def replaced(ports: Ports, **others: Any) -> Ports:
    """Return the ports with others in their place, engines among them."""
    engines = {name: others.pop(name) for name in ENGINES & set(others)}
    if engines:
        others["engines"] = dataclasses.replace(ports.engines, **engines)
    return dataclasses.replace(ports, **others)


def some_records(clock: Clock, store: Store | None = None) -> Records:
    """Return records over a store, in memory if none is given; what follows is left to a sweep."""
    return Records(store or MemoryStore(clock), now=clock, new_id=memory_ports().new_id)


async def registered(device: Device, *, records: Records, **login: Any) -> None:
    """Write a device, what points to it, and its login if there is none."""
    owner = device.practice_id, device.person_id
    await has_login(*owner, device.sid, records=records, **login)
    pointer = DevicePointer(*owner, digest(device.token), device.registered_at, device.sid)
    await Change(records.devices.pointers.write(pointer)).commit(records.store)
    await Change(records.devices.write(device)).commit(records.store)


async def begun(installed: MemoryInstallation, **changes: Any) -> None:
    """Put a session with its recording and its due run into the stores."""
    await installed.recordings.stage(PRACTICE, "recording-1", 0, SOUND)
    await installed.recordings.keep(PRACTICE, "recording-1", 1, "recording-1")
    records = installed.records
    session = a_session(languages=("en-US",), **changes)
    await installed.write(records.sessions.write(session), records.runs.write(a_run()))


async def upload(
    intake: Intake,
    audio: bytes = SOUND,
    actor: Actor = ACTOR,
    therapist: str = "",
    continues: str = "",
    **said: Any,
) -> Receipt:
    """Take a recording in as the HTTP API does."""
    async with receiving(actor, intake=intake) as incoming:
        for start in range(0, len(audio), 4_096):
            await incoming.write(audio[start : start + 4_096])
        await incoming.end()
        return await incoming.finish(
            actor,
            details(**said),
            therapist=therapist,
            file_name="session_audio.wav",
            continues=continues,
        )


async def reviewed(installed: MemoryInstallation, session_id: str = SESSION) -> list[Line]:
    """Return the lines of the session's present version, as a therapist submits them."""
    number = (await installed.session(session_id)).transcript_number
    return lines_of(await installed.version(number, session_id))


def lines_of(version: TranscriptVersion) -> list[Line]:
    return [
        Line(each.speaker, each.text, format_timestamp(each.start_ms))
        for each in version.utterances
    ]


SHORT_LEASE = {"lease": timedelta(milliseconds=30)}
"""A lease of the worker so short that beats really happen while a test runs."""
