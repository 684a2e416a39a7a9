"""A desk over memory ports with a clock of its own, and the few steps that tests begin with."""

import dataclasses
import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.builders import (
    NOW,
    PRACTICE,
    SESSION,
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
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.adapters.memory.devices import MemoryDevices
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.adapters.memory.insights import MemoryInsightFinder
from therapy.adapters.memory.logins import MemoryLogins
from therapy.adapters.memory.mail import MemoryMail
from therapy.adapters.memory.outbox import MemoryOutbox
from therapy.adapters.memory.people import MemoryPeople
from therapy.adapters.memory.push import MemoryPushSender
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.adapters.memory.reservations import MemoryReservations
from therapy.adapters.memory.runs import MemoryRuns
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.session_index import MemorySessionIndex
from therapy.adapters.memory.sessions import MemorySessions
from therapy.adapters.memory.shelf import MemoryShelf
from therapy.adapters.memory.speech import MemorySpeech
from therapy.adapters.memory.uploads import MemoryUploads
from therapy.adapters.tokens import JwtTokens
from therapy.domain.access import Actor
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.domain.transcript import Line, Speaker, TranscriptVersion, format_timestamp
from therapy.ports.passwords import Passwords
from therapy.ports.sessions import Change
from therapy.workflows.desk import Desk, Limits
from therapy.workflows.run_worker import work_on
from therapy.workflows.uploads import Receipt, receiving

SCRIPT = (
    an_utterance("How did you sleep?", 0, speaker=Speaker.UNKNOWN, voice="0"),
    an_utterance("I am glad, it is better.", 3_000, speaker=Speaker.UNKNOWN, voice="1"),
)
SOUND = a_wav(b"\x10\x00" * 4_000)
ACTOR = an_actor()


@dataclass
class Clock:
    """The time, which moves when a test says so."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def on(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class PlainPasswords(Passwords):
    """Hashes that can be read."""

    asked: list[str] = field(default_factory=list)

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password: str, hashed: str) -> bool:
        self.asked.append(hashed)
        return hashed == f"hash of {password}"


@dataclass
class Office:
    """A desk and what lies behind it."""

    desk: Desk
    clock: Clock
    push: MemoryPushSender
    mail: MemoryMail
    speech: MemorySpeech
    sentiment: MemorySentiment

    async def session(self, session_id: str = SESSION) -> Session:
        return await self.desk.sessions.load(PRACTICE, session_id)

    async def run(self, session_id: str = SESSION) -> Run:
        return (await self.desk.runs.of_session(PRACTICE, session_id))[-1]

    async def version(self, number: int, session_id: str = SESSION) -> TranscriptVersion:
        return await self.desk.sessions.transcript(PRACTICE, session_id, number)

    async def work(self, session_id: str = SESSION, **ports: Any) -> None:
        await work_on(PRACTICE, session_id, desk=dataclasses.replace(self.desk, **ports))

    def told(self) -> list[str]:
        return [push.kind.value for _, push in self.push.sent]


async def an_office(*, limits: Limits | None = None, **ports: Any) -> Office:
    """Open an office with a therapist who has a device, and a patient; without sessions."""
    clock, shelf, numbers = Clock(), MemoryShelf(), itertools.count(1)
    given: dict[str, Any] = {
        "sessions": MemorySessions(shelf),
        "runs": MemoryRuns(shelf),
        "outbox": MemoryOutbox(shelf),
        "session_index": MemorySessionIndex(),
        "people": MemoryPeople(),
        "logins": MemoryLogins(),
        "devices": MemoryDevices(),
        "uploads": MemoryUploads(),
        "reservations": MemoryReservations(),
        "recordings": MemoryRecordings(now=clock),
        "audio": MemoryAudioDecoder(),
        "speech": MemorySpeech(SCRIPT),
        "sentiment": MemorySentiment(),
        "insight": MemoryInsightFinder(),
        "push": MemoryPushSender(),
        "mail": MemoryMail(),
        "doorbell": MemoryDoorbell(),
        "passwords": PlainPasswords(),
        "tokens": JwtTokens("a secret of the tests, long enough"),
    }
    given |= ports
    desk = Desk(
        **given,
        now=clock,
        new_id=lambda: f"id-{next(numbers)}",
        new_secret=lambda: f"secret-{next(numbers)}",
        limits=limits or Limits(languages=("en-US",)),
    )
    await desk.people.put_practice(PRACTICE, a_practice())
    await desk.people.add(PRACTICE, a_therapist(password_hash="hash of good"))
    await desk.people.add(PRACTICE, a_person(password_hash="hash of good"))
    await desk.devices.put(PRACTICE, a_device(person_id=ACTOR.person_id))
    return Office(desk, clock, given["push"], given["mail"], given["speech"], given["sentiment"])


async def begun(office: Office, **changes: Any) -> None:
    """Put a session with its recording and its due run into the stores."""
    await office.desk.recordings.stage(PRACTICE, "recording-1", 0, SOUND)
    await office.desk.recordings.keep(PRACTICE, "recording-1", 1, "recording-1")
    session = a_session(languages=("en-US",), **changes)
    await office.desk.sessions.commit(
        PRACTICE, session.id, Change(session=session, runs=(a_run(),))
    )


async def upload(
    desk: Desk, audio: bytes = SOUND, actor: Actor = ACTOR, therapist: str = "", **said: Any
) -> Receipt:
    """Take a recording in as the HTTP API does."""
    async with receiving(actor, desk=desk) as incoming:
        for start in range(0, len(audio), 4_096):
            await incoming.write(audio[start : start + 4_096])
        await incoming.end()
        return await incoming.finish(
            actor, details(**said), therapist=therapist, file_name="session_audio.wav"
        )


def lines_of(version: TranscriptVersion) -> list[Line]:
    return [
        Line(each.speaker, each.text, format_timestamp(each.start_ms))
        for each in version.utterances
    ]


def soon(**changes: Any) -> Limits:
    """Limits with a lease so short that beats really happen while a test runs."""
    return Limits(languages=("en-US",), lease=timedelta(milliseconds=30), **changes)
