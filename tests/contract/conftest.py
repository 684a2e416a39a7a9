"""The families that the contract suite holds to the ports: one class and one entry in FAMILIES each.

A family gives one adapter of every port and, where a port only sends, a look at what arrived: each when a
test asks for it, so that what needs no more opens no more. Its stores are in `stores`. `Get` gives a
fixture by its name, for a family that needs an emulator.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.builders import an_utterance
from tests.contract.azure import speech_adapter
from tests.contract.azure_blob_language_fcm import (
    blob_recordings,
    fcm_push,
    language_insights,
    language_sentiment,
    shown,
)
from tests.contract.azure_redis import (
    redis_attempt_limits,
    redis_doorbell,
    redis_session_events,
)
from tests.contract.azure_smtp import letters_at, smtp_mail
from tests.contract.stores import *  # noqa: F403 - fixtures are found by name
from tests.contract.stores import Get, OpenedStores
from tests.emulators.faults import Fault
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


@pytest_asyncio.fixture(loop_scope="module")
async def attempt_limits(
    family_name: str, stores: OpenedStores, request: pytest.FixtureRequest
) -> AsyncIterator[AttemptLimits]:
    """What counts attempts in each family: the store of the local one, the Redis of azure."""
    if family_name == "azure":
        async with redis_attempt_limits(request.getfixturevalue("valkey")) as limits:
            yield limits
        return
    yield MemoryAttemptLimits() if family_name == "memory" else StoredAttempts(stores.store)


Given = dict[str, Any]


class MemoryFamily:
    """The fakes. Each port has a method that opens its adapter when a test first asks for it.

    The method returns the adapter and, by the names of their fixtures, what else tests of the port need.
    """

    def __init__(self, directory: Path, get: Get, closing: AsyncExitStack) -> None:
        self.directory, self.get, self._closing = directory, get, closing
        self._opened: dict[str, Given] = {}

    def cut_off(self) -> None:
        """Cut off each adapter that was opened from what it depends on."""
        for given in self._opened.values():
            given["cut_off"]()

    async def opened(self, port: str) -> Given:
        """Return what the method of this name has opened, once in a test."""
        if port not in self._opened:
            self._opened[port] = await getattr(self, port)()
        return self._opened[port]

    async def until_the_end(self, opening: AbstractAsyncContextManager[Any]) -> Any:
        """Open something that is closed after the test."""
        return await self._closing.enter_async_context(opening)

    async def recordings(self) -> Given:
        recordings = MemoryRecordings()
        return {
            "recordings": recordings,
            "fill_storage": lambda: setattr(recordings, "room", 0),
        }

    async def push(self) -> Given:
        sender = MemoryPushSender()

        def sent() -> list[PushMessage]:
            return list({(device.token, push.id): push for device, push in sender.sent}.values())

        return {"push": sender, "sent_pushes": sent}

    async def mail(self) -> Given:
        mail = MemoryMail()
        return {
            "mail": mail,
            "sent_letters": lambda: list({letter.id: letter for letter in mail.sent}.values()),
        }

    async def doorbell(self) -> Given:
        return {"doorbell": MemoryDoorbell()}

    async def session_events(self) -> Given:
        return {"session_events": MemorySessionEvents()}

    async def audio(self) -> Given:
        return {"audio": MemoryAudioDecoder()}

    async def speech(self) -> Given:
        return {"speech": MemorySpeech(SCRIPT)}

    async def sentiment(self) -> Given:
        return {"sentiment": MemorySentiment()}

    async def insights(self) -> Given:
        return {"insights": MemoryInsightFinder()}

    async def passwords(self) -> Given:
        return {"passwords": MemoryPasswords()}

    async def tokens(self) -> Given:
        return {"tokens": MemoryTokens(), "foreign_tokens": (MemoryTokens(),)}


class LocalFamily(MemoryFamily):
    """The embedded default."""

    async def recordings(self) -> Given:
        disk = self.directory / "disk"
        recordings = FileRecordings(disk / "recordings", reserve=0)

        def unmount() -> None:
            disk.rename(disk.with_name("unmounted"))
            disk.touch()

        return {
            "recordings": recordings,
            "fill_storage": lambda: setattr(recordings, "reserve", 2**62),
            "cut_off": unmount,
        }

    async def push(self) -> Given:
        return {
            "push": FilePushSender(self.directory),
            "sent_pushes": lambda: [sent.message for sent in pushes_in(self.directory)],
        }

    async def mail(self) -> Given:
        return {
            "mail": FileMail(self.directory),
            "sent_letters": lambda: list(letters_in(self.directory)),
        }

    async def doorbell(self) -> Given:
        return {"doorbell": LocalDoorbell()}

    async def session_events(self) -> Given:
        return {"session_events": SocketSessionEvents(self.directory)}

    async def audio(self) -> Given:
        return {"audio": PyAvAudioDecoder()}

    async def speech(self) -> Given:
        return {"speech": WhisperSpeech(cache=self.directory / "models", threads=1)}

    async def sentiment(self) -> Given:
        return {"sentiment": VaderSentiment()}

    async def insights(self) -> Given:
        return {"insights": LocalInsightFinder()}

    async def passwords(self) -> Given:
        return {"passwords": Argon2Passwords()}

    async def tokens(self) -> Given:
        return {"tokens": JwtTokens(SECRET), "foreign_tokens": FOREIGN_TOKENS}


class AzureFamily(MemoryFamily):
    """The real SDKs against the emulators; the fakes for ports without an adapter for Azure."""

    async def recordings(self) -> Given:
        given: Given = await self.until_the_end(blob_recordings(self.get("azurite")))
        return given

    async def push(self) -> Given:
        server = self.get("fcm")
        return {
            "push": await self.until_the_end(fcm_push(server)),
            "sent_pushes": lambda: shown(server.messages),
        }

    async def mail(self) -> Given:
        server = self.get("fake_smtp")
        return {
            "mail": smtp_mail(server),
            "sent_letters": lambda: letters_at(server),
            "cut_off": lambda: server.add(Fault("greeting", kind="reset", times=None)),
        }

    async def doorbell(self) -> Given:
        return {"doorbell": await self.until_the_end(redis_doorbell(self.get("valkey")))}

    async def session_events(self) -> Given:
        opening = redis_session_events(self.get("valkey"))
        return {"session_events": await self.until_the_end(opening)}

    async def speech(self) -> Given:
        return {"speech": speech_adapter(self.get, self.directory)}

    async def sentiment(self) -> Given:
        opening = language_sentiment(self.get("fake_language"))
        return {"sentiment": await self.until_the_end(opening)}

    async def insights(self) -> Given:
        server = self.get("fake_language")
        return {
            "insights": await self.until_the_end(language_insights(server)),
            "cut_off": lambda: server.add(Fault(status=401, times=None)),
        }


FAMILIES = {"memory": MemoryFamily, "local": LocalFamily, "azure": AzureFamily}


@pytest_asyncio.fixture(loop_scope="module")
async def family(
    family_name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[MemoryFamily]:
    """Each family in turn, empty."""
    async with AsyncExitStack() as closing:
        yield FAMILIES[family_name](tmp_path, request.getfixturevalue, closing)


@pytest.fixture
def cut_off(family: MemoryFamily) -> Callable[[], None]:
    """What cuts off whatever a test has opened; a family that can't do that for an adapter fails."""
    return family.cut_off


def _given(name: str, port: str = "") -> Any:
    async def given(family: MemoryFamily) -> object:
        return (await family.opened(port or name))[name]

    return pytest_asyncio.fixture(given, name=name, loop_scope="module")


audio, doorbell, insights, mail, passwords, push = map(
    _given, ("audio", "doorbell", "insights", "mail", "passwords", "push")
)
recordings, sentiment, session_events, speech, tokens = map(
    _given, ("recordings", "sentiment", "session_events", "speech", "tokens")
)
fill_storage, foreign_tokens = (
    _given("fill_storage", "recordings"),
    _given("foreign_tokens", "tokens"),
)
sent_letters, sent_pushes = _given("sent_letters", "mail"), _given("sent_pushes", "push")
