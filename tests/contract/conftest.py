"""The families that the contract suite holds to the ports: one function and one entry in FAMILIES each.

A family gives one adapter of every port and, where a port only sends, a look at what arrived; its stores
are in `stores`, so that what needs no more opens no more. `Get` gives a fixture by its name, for a family
that needs an emulator.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.builders import an_utterance
from tests.contract.azure import speech_adapter
from tests.contract.azure_blob_language_fcm import blob_language_fcm
from tests.contract.azure_redis import (
    redis_attempt_limits,
    redis_doorbell,
    redis_session_events,
)
from tests.contract.azure_smtp import smtp_mail
from tests.contract.stores import *  # noqa: F403 - fixtures are found by name
from tests.contract.stores import Get, OpenedStores
from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name
from tests.firebase.hook import fcm  # noqa: F401 - a fixture, found by name
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.local.doorbell import LocalDoorbell
from therapy.adapters.local.insights import LocalInsightFinder
from therapy.adapters.local.mail import FileMail
from therapy.adapters.local.mail import sent_letters as letters_in
from therapy.adapters.local.push import FilePushSender
from therapy.adapters.local.push import sent_pushes as pushes_in
from therapy.adapters.local.recordings import FileRecordings
from therapy.adapters.local.sentiment import VaderSentiment
from therapy.adapters.local.session_events import SocketSessionEvents
from therapy.adapters.local.speech.engine import WhisperSpeech
from therapy.adapters.memory.attempt_limits import MemoryAttemptLimits
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.adapters.memory.insights import MemoryInsightFinder
from therapy.adapters.memory.mail import MemoryMail
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.adapters.memory.push import MemoryPushSender
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.session_events import MemorySessionEvents
from therapy.adapters.memory.speech import MemorySpeech
from therapy.adapters.memory.tokens import MemoryTokens
from therapy.adapters.passwords import Argon2Passwords
from therapy.adapters.tokens import JwtTokens
from therapy.domain.push import PushMessage
from therapy.domain.transcript import Speaker
from therapy.ports.attempt_limits import AttemptLimits
from therapy.ports.audio import AudioDecoder
from therapy.ports.doorbell import Doorbell
from therapy.ports.insights import InsightFinder
from therapy.ports.mail import Letter, Mail
from therapy.ports.passwords import Passwords
from therapy.ports.push import PushSender
from therapy.ports.recordings import Recordings
from therapy.ports.sentiment import Sentiment
from therapy.ports.session_events import SessionEvents
from therapy.ports.speech import Speech
from therapy.ports.tokens import Tokens
from therapy.repositories.attempts import StoredAttempts

SECRET = "a secret of the tests, long enough"
FOREIGN_TOKENS = (
    JwtTokens("another secret of the tests, long enough"),
    JwtTokens(SECRET, issuer="elsewhere"),
)
SCRIPT = (
    an_utterance("Good morning.", 500, speaker=Speaker.UNKNOWN, voice="0"),
    an_utterance("Hello.", 4_000, speaker=Speaker.UNKNOWN, voice="1"),
)


@pytest.fixture
async def attempt_limits(
    family_name: str, stores: OpenedStores, request: pytest.FixtureRequest
) -> AsyncIterator[AttemptLimits]:
    """What counts attempts in each family: the store of the local one, the Redis of azure."""
    if family_name == "azure":
        async with redis_attempt_limits(request.getfixturevalue("valkey")) as limits:
            yield limits
        return
    yield MemoryAttemptLimits() if family_name == "memory" else StoredAttempts(stores.store)


@dataclass(frozen=True)
class Family:
    """One adapter of every port but the stores; `fill_storage` leaves no room for recordings."""

    recordings: Recordings
    push: PushSender
    mail: Mail
    doorbell: Doorbell
    session_events: SessionEvents
    audio: AudioDecoder
    speech: Speech
    sentiment: Sentiment
    insights: InsightFinder
    make_passwords: Callable[[], Passwords]
    tokens: Tokens
    foreign_tokens: tuple[Tokens, ...]
    fill_storage: Callable[[], None]
    sent_pushes: Callable[[], list[PushMessage]]
    sent_letters: Callable[[], list[Letter]]

    @cached_property
    def passwords(self) -> Passwords:
        """Made when they are wanted, because Argon2 hashes something then."""
        return self.make_passwords()


@asynccontextmanager
async def memory(_: Path, __: Get) -> AsyncIterator[Family]:
    """The fakes."""
    recordings, sender, mail = MemoryRecordings(), MemoryPushSender(), MemoryMail()
    yield Family(
        recordings=recordings,
        push=sender,
        mail=mail,
        doorbell=MemoryDoorbell(),
        session_events=MemorySessionEvents(),
        audio=MemoryAudioDecoder(),
        speech=MemorySpeech(SCRIPT),
        sentiment=MemorySentiment(),
        insights=MemoryInsightFinder(),
        make_passwords=MemoryPasswords,
        tokens=MemoryTokens(),
        foreign_tokens=(MemoryTokens(),),
        fill_storage=lambda: setattr(recordings, "room", 0),
        sent_pushes=lambda: list(
            {(device.token, push.id): push for device, push in sender.sent}.values()
        ),
        sent_letters=lambda: list({letter.id: letter for letter in mail.sent}.values()),
    )


@asynccontextmanager
async def local(directory: Path, _: Get) -> AsyncIterator[Family]:
    """The embedded default."""
    recordings = FileRecordings(directory, reserve=0)
    yield Family(
        recordings=recordings,
        push=FilePushSender(directory),
        mail=FileMail(directory),
        doorbell=LocalDoorbell(),
        session_events=SocketSessionEvents(directory),
        audio=PyAvAudioDecoder(),
        speech=WhisperSpeech(cache=directory / "models", threads=1),
        sentiment=VaderSentiment(),
        insights=LocalInsightFinder(),
        make_passwords=Argon2Passwords,
        tokens=JwtTokens(SECRET),
        foreign_tokens=FOREIGN_TOKENS,
        fill_storage=lambda: setattr(recordings, "reserve", 2**62),
        sent_pushes=lambda: [sent.message for sent in pushes_in(directory)],
        sent_letters=lambda: list(letters_in(directory)),
    )


@asynccontextmanager
async def azure(directory: Path, get: Get) -> AsyncIterator[Family]:
    """The real SDKs against the emulators; the fakes for ports without an adapter for Azure."""
    async with (
        memory(directory, get) as fakes,
        blob_language_fcm(get) as served,
        redis_doorbell(get("valkey")) as doorbell,
        redis_session_events(get("valkey")) as session_events,
    ):
        sent = served | smtp_mail(get("fake_smtp"))
        speech = speech_adapter(get, directory)
        yield replace(
            fakes, **sent, speech=speech, doorbell=doorbell, session_events=session_events
        )


FAMILIES: dict[str, Callable[[Path, Get], AbstractAsyncContextManager[Family]]] = {
    "memory": memory,
    "local": local,
    "azure": azure,
}


@pytest.fixture
async def family(
    family_name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Family]:
    """Each family in turn, empty."""
    async with FAMILIES[family_name](tmp_path, request.getfixturevalue) as opened:
        yield opened


def _given(name: str) -> Any:
    def given(family: Family) -> object:
        return getattr(family, name)

    return pytest.fixture(given, name=name)


audio, doorbell, insights, mail, passwords, push = map(
    _given, ("audio", "doorbell", "insights", "mail", "passwords", "push")
)
recordings, sentiment, session_events, speech, tokens = map(
    _given, ("recordings", "sentiment", "session_events", "speech", "tokens")
)
fill_storage, foreign_tokens, sent_letters, sent_pushes = map(
    _given, ("fill_storage", "foreign_tokens", "sent_letters", "sent_pushes")
)
