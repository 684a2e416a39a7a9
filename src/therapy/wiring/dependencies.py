"""Each dependency by itself: opened, asked through its port, closed. What one lacks hides nothing of another.

For `therapy check` and `therapy migrate`, which have to say something where `open_therapy` would fail at
the first.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from therapy.adapters.local.directory import prepare
from therapy.config import Settings
from therapy.domain.notice import Notice
from therapy.domain.outbox import NoticeKind
from therapy.domain.people import Device
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import Speech, SpeechOptions
from therapy.wiring.ports import (
    MAILBOX,
    open_doorbell,
    open_language,
    open_mail,
    open_notices,
    open_recordings,
    open_speech,
)
from therapy.wiring.stores import Check, open_database, open_stores

NOBODY = "health"
"""The practice, the person and the device that questions are asked for; none has this id."""

SILENCE = bytes(1_000 * BYTES_PER_MS)
SENTENCE = "All is well."
Opening = Callable[[AsyncExitStack], Awaitable[Check]]


@dataclass(frozen=True)
class Dependency:
    """Something the installation stands on: its field in the settings, who serves it, where it is.

    `open` opens it on a stack and gives what asks it something harmless; both raise what the port raises.
    """

    name: str
    family: str
    where: str
    open: Opening


def dependencies(settings: Settings) -> Iterator[Dependency]:
    """Give everything that these settings make the installation depend on."""
    data_dir = settings.data_dir.expanduser().resolve()

    async def stores(stack: AsyncExitStack) -> Check:
        return (await open_stores(settings, prepare(data_dir), stack, make=False)).check

    async def recordings(stack: AsyncExitStack) -> Check:
        return (await open_recordings(settings, prepare(data_dir), stack, make=False))[1]

    async def speech(stack: AsyncExitStack) -> Check:
        return partial(_listen, await open_speech(settings, stack), settings.speech_languages)

    async def sentiment(stack: AsyncExitStack) -> Check:
        opened, _ = await open_language(settings, stack)
        return partial(opened.score, NOBODY, [SENTENCE], "en")

    async def notices(stack: AsyncExitStack) -> Check:
        opened = await open_notices(settings, data_dir, stack)
        device = Device(NOBODY, NOBODY, NOBODY, NOBODY, "ANDROID", datetime.now(UTC))
        notice = Notice(NOBODY, NoticeKind.SESSION_READY, "-", "-", "")
        return partial(opened.send, NOBODY, device, notice)

    async def mail(_: AsyncExitStack) -> Check:
        return open_mail(settings, data_dir)[1]

    async def doorbell(stack: AsyncExitStack) -> Check:
        return (await open_doorbell(settings, stack))[1]

    yield Dependency("stores", settings.stores, _stores_at(settings, data_dir), stores)
    where = _recordings_at(settings, data_dir)
    yield Dependency("recordings", settings.recordings, where, recordings)
    yield Dependency("speech", settings.speech, _speech_at(settings), speech)
    yield Dependency("sentiment", settings.sentiment, _host(settings.language_endpoint), sentiment)
    if settings.notices != "local":  # a push into the file mailbox would be one
        yield Dependency("notices", settings.notices, settings.firebase_project, notices)
    if settings.mail != "local":
        where = f"{settings.smtp_host}:{settings.smtp_port}, {settings.smtp_security}"
        yield Dependency("mail", settings.mail, where, mail)
    if settings.doorbell != "local":
        tls = "TLS" if settings.redis_ssl else "no TLS"
        where = f"{settings.redis_host}:{settings.redis_port}, {tls}"
        yield Dependency("doorbell", settings.doorbell, where, doorbell)


def migrations(settings: Settings, *, throughput: int | None = None) -> Iterator[Dependency]:
    """Give what has to be made: to open it makes what is missing or brings it up to date. Idempotent.

    A Cosmos database that is new gets this many RU/s, shared by its containers.
    """
    data_dir = settings.data_dir.expanduser().resolve()

    async def stores(stack: AsyncExitStack) -> Check:
        prepare(data_dir)
        if settings.stores == "azure":
            await (await open_database(settings, stack)).migrate(throughput=throughput)
        return (await open_stores(settings, data_dir, stack, make=False)).check

    async def recordings(stack: AsyncExitStack) -> Check:
        return (await open_recordings(settings, prepare(data_dir), stack))[1]

    yield Dependency("stores", settings.stores, _stores_at(settings, data_dir), stores)
    where = _recordings_at(settings, data_dir)
    yield Dependency("recordings", settings.recordings, where, recordings)


def unread(settings: Settings) -> str:
    """Give the directory that letters are written into although nobody will look there; "" if none is."""
    if settings.mail == "local" and "azure" in {settings.stores, settings.recordings}:
        return str(settings.data_dir.expanduser().resolve() / MAILBOX)
    return ""


async def _listen(speech: Speech, languages: tuple[str, ...]) -> None:
    """Have a second of silence recognised."""
    async for _ in speech.transcribe(NOBODY, _silence(), SpeechOptions(languages)):
        pass


async def _silence() -> AsyncIterator[bytes]:
    yield SILENCE


def _stores_at(settings: Settings, data_dir: Path) -> str:
    if settings.stores == "azure":
        return f"{_host(settings.cosmos_uri)}, database {settings.cosmos_database}"
    return str(data_dir)


def _recordings_at(settings: Settings, data_dir: Path) -> str:
    if settings.recordings == "azure":
        return f"{_account(settings)}, container {settings.storage_container}"
    return str(data_dir / "recordings")


def _account(settings: Settings) -> str:
    """Name the storage account; of the connection string nothing but its name is shown."""
    pairs = (part.partition("=") for part in settings.storage_connection.split(";"))
    told = {name.strip(): text for name, _, text in pairs}
    named = told.get("AccountName") or _host(told.get("BlobEndpoint", ""))
    return named or settings.storage_account


def _speech_at(settings: Settings) -> str:
    if settings.speech == "azure":
        return _host(settings.speech_endpoint) or settings.speech_region
    return settings.speech_model


def _host(address: str) -> str:
    """Give an address without whatever it may have beside host and port."""
    return urlsplit(address).netloc.rpartition("@")[2]
