"""The families that the contract suite holds to the ports: one function and one entry in FAMILIES each.

A family gives one adapter of every port and, where a port only sends, a look at what arrived. `Get`
gives a fixture by its name, for a family that needs an emulator.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.builders import an_utterance
from tests.contract.azure import cosmos_adapters, empty_cosmos, speech_adapter
from tests.contract.azure_blob_language_fcm import other_adapters
from tests.contract.azure_redis import redis_doorbell
from tests.contract.azure_smtp import smtp_mail
from tests.contract.people_index_families import *  # noqa: F403 - fixtures are found by name
from tests.contract.store_families import *  # noqa: F403 - fixtures are found by name
from tests.contract.stores import adapters_in
from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name
from tests.firebase.hook import fcm  # noqa: F401 - a fixture, found by name
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.local.insights import LocalInsightFinder
from therapy.adapters.local.mail import FileMail, sent_letters
from therapy.adapters.local.push import FilePushSender, sent_pushes
from therapy.adapters.local.recordings import FileRecordings
from therapy.adapters.local.sentiment import VaderSentiment
from therapy.adapters.local.speech.engine import WhisperSpeech
from therapy.adapters.local.sqlite.database import Database
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
from therapy.adapters.passwords import Argon2Passwords
from therapy.adapters.taskiq import QueueBroker, TaskiqDoorbell
from therapy.adapters.tokens import JwtTokens
from therapy.domain.push import PushMessage
from therapy.domain.transcript import Speaker
from therapy.ports.audio import AudioDecoder
from therapy.ports.devices import Devices
from therapy.ports.doorbell import Doorbell
from therapy.ports.insights import InsightFinder
from therapy.ports.logins import Logins
from therapy.ports.mail import Letter, Mail
from therapy.ports.outbox import Outbox
from therapy.ports.passwords import Passwords
from therapy.ports.people import People
from therapy.ports.push import PushSender
from therapy.ports.recordings import Recordings
from therapy.ports.reservations import Reservations
from therapy.ports.runs import Runs
from therapy.ports.sentiment import Sentiment
from therapy.ports.session_index import SessionIndex
from therapy.ports.sessions import Sessions
from therapy.ports.speech import Speech
from therapy.ports.tokens import Tokens
from therapy.ports.uploads import Uploads
from therapy.wiring.stores import sqlite_stores

Get = Callable[[str], Any]
TOKENS = JwtTokens("a secret of the tests, long enough")
SCRIPT = (
    an_utterance("Good morning.", 500, speaker=Speaker.UNKNOWN, voice="0"),
    an_utterance("Hello.", 4_000, speaker=Speaker.UNKNOWN, voice="1"),
)


@dataclass(frozen=True)
class Family:
    """One adapter of every port; `fill_storage` leaves no room for recordings."""

    sessions: Sessions
    runs: Runs
    outbox: Outbox
    session_index: SessionIndex
    people: People
    logins: Logins
    devices: Devices
    uploads: Uploads
    reservations: Reservations
    recordings: Recordings
    push: PushSender
    mail: Mail
    doorbell: Doorbell
    audio: AudioDecoder
    speech: Speech
    sentiment: Sentiment
    insight: InsightFinder
    tokens: Tokens
    fill_storage: Callable[[], None]
    sent_pushes: Callable[[], list[PushMessage]]
    sent_letters: Callable[[], list[Letter]]

    @cached_property
    def passwords(self) -> Passwords:
        """The one there is, for every family; made when it is wanted because it hashes something then."""
        return Argon2Passwords()


@asynccontextmanager
async def memory(_: Path, __: Get) -> AsyncIterator[Family]:
    """The fakes."""
    shelf = MemoryShelf()
    recordings, sender, mail = MemoryRecordings(), MemoryPushSender(), MemoryMail()
    yield Family(
        sessions=MemorySessions(shelf),
        runs=MemoryRuns(shelf),
        outbox=MemoryOutbox(shelf),
        session_index=MemorySessionIndex(),
        people=MemoryPeople(),
        logins=MemoryLogins(),
        devices=MemoryDevices(),
        uploads=MemoryUploads(),
        reservations=MemoryReservations(),
        recordings=recordings,
        push=sender,
        mail=mail,
        doorbell=MemoryDoorbell(),
        audio=MemoryAudioDecoder(),
        speech=MemorySpeech(SCRIPT),
        sentiment=MemorySentiment(),
        insight=MemoryInsightFinder(),
        tokens=TOKENS,
        fill_storage=lambda: setattr(recordings, "room", 0),
        sent_pushes=lambda: list(
            {(device.token, push.id): push for device, push in sender.sent}.values()
        ),
        sent_letters=lambda: list({letter.id: letter for letter in mail.sent}.values()),
    )


@asynccontextmanager
async def local(directory: Path, _: Get) -> AsyncIterator[Family]:
    """The embedded default; nothing waits for the disk, which only a power cut would show."""
    recordings = FileRecordings(directory, reserve=0)
    async with Database.open(directory / "therapy.sqlite3", synchronous="OFF") as database:
        yield Family(
            recordings=recordings,
            push=FilePushSender(directory),
            mail=FileMail(directory),
            doorbell=TaskiqDoorbell(QueueBroker()),
            audio=PyAvAudioDecoder(),
            speech=WhisperSpeech(cache=directory / "models"),
            sentiment=VaderSentiment(),
            insight=LocalInsightFinder(),
            tokens=TOKENS,
            **adapters_in(sqlite_stores(database)),
            fill_storage=lambda: setattr(recordings, "reserve", 2**62),
            sent_pushes=lambda: [sent.message for sent in sent_pushes(directory)],
            sent_letters=lambda: list(sent_letters(directory)),
        )


@asynccontextmanager
async def azure(directory: Path, get: Get) -> AsyncIterator[Family]:
    """The real SDKs against the emulators; the fakes for ports without an adapter for Azure."""
    async with (
        memory(directory, get) as fakes,
        empty_cosmos(get("cosmos")) as cosmos,
        other_adapters(get) as others,
        redis_doorbell(get("valkey")) as doorbell,
    ):
        served = cosmos_adapters(cosmos) | others | smtp_mail(get("fake_smtp"))
        yield replace(fakes, **served, speech=speech_adapter(get, directory), doorbell=doorbell)


FAMILIES: dict[str, Callable[[Path, Get], AbstractAsyncContextManager[Family]]] = {
    "memory": memory,
    "local": local,
    "azure": azure,
}


@pytest.fixture(params=FAMILIES)
async def family(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Family]:
    """Each family in turn, empty."""
    async with FAMILIES[request.param](tmp_path, request.getfixturevalue) as opened:
        yield opened
