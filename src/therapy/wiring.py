"""The composition root: settings in, a running `Therapy` out. Nothing else names an adapter.

Whoever opens here closes here: everything hangs on one exit stack. A family's modules are imported when
it is chosen, so that nobody needs the libraries of another one.
"""

import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from therapy.adapters.passwords import Argon2Passwords
from therapy.adapters.taskiq import QueueBroker, TaskiqDoorbell
from therapy.adapters.tokens import JwtTokens
from therapy.config import Settings
from therapy.ports.audio import Audio
from therapy.ports.devices import Devices
from therapy.ports.doorbell import Doorbell
from therapy.ports.insights import Insight
from therapy.ports.logins import Logins
from therapy.ports.mail import Letter, Mail
from therapy.ports.notices import Notices
from therapy.ports.outbox import Outbox
from therapy.ports.people import People
from therapy.ports.recordings import Recordings
from therapy.ports.reservations import Reservations
from therapy.ports.rows import Rows
from therapy.ports.runs import Runs
from therapy.ports.sentiment import Sentiment
from therapy.ports.sessions import Sessions
from therapy.ports.speech import Speech
from therapy.ports.uploads import Uploads
from therapy.workflows.desk import Desk, Limits

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from therapy.adapters.local.notices import SentNotice

MAILBOX = "mailbox"
Check = Callable[[], Awaitable[object]]
"""Asks a dependency whether it is there; raises a domain error if not."""

WORKED_WITHOUT = frozenset({"doorbell"})
"""What may be away: rings are lost then, and the sweep finds the work."""


@dataclass(frozen=True)
class Stores:
    """The ports that share a database, and how to ask whether it is there."""

    sessions: Sessions
    runs: Runs
    outbox: Outbox
    rows: Rows
    people: People
    logins: Logins
    devices: Devices
    uploads: Uploads
    reservations: Reservations
    check: Check


@dataclass(frozen=True)
class Engines:
    """What listens to a recording; needs no store."""

    audio: Audio
    speech: Speech
    sentiment: Sentiment
    insight: Insight


@dataclass(frozen=True)
class Therapy:
    """A running installation: the desk its workflows work at, and what it was set up with."""

    desk: Desk
    settings: Settings
    data_dir: Path
    checks: Mapping[str, Check]


@asynccontextmanager
async def open_therapy(settings: Settings) -> AsyncIterator[Therapy]:
    """Open every store and engine, and close them again.

    Raises:
        OSError: the data directory can't be made or written.
        Unavailable: a store can't be opened; says why.
    """
    from therapy.adapters.local.directory import prepare, signing_secret

    data_dir = prepare(settings.data_dir)
    limits = Limits(
        upload_bytes=settings.upload_bytes,
        lease=settings.lease,
        follow_up=settings.lease,
        languages=settings.speech_languages,
    )
    async with AsyncExitStack() as stack, open_engines(settings) as engines:
        stores = await _stores(settings, data_dir, stack)
        recordings, recordings_check = await _recordings(settings, data_dir, stack)
        doorbell, doorbell_check = await _doorbell(settings, stack)
        desk = Desk(
            sessions=stores.sessions,
            runs=stores.runs,
            outbox=stores.outbox,
            rows=stores.rows,
            people=stores.people,
            logins=stores.logins,
            devices=stores.devices,
            uploads=stores.uploads,
            reservations=stores.reservations,
            recordings=recordings,
            audio=engines.audio,
            speech=engines.speech,
            sentiment=engines.sentiment,
            insight=engines.insight,
            notices=await _notices(settings, data_dir, stack),
            mail=_mail(data_dir),
            doorbell=doorbell,
            passwords=Argon2Passwords(),
            tokens=JwtTokens(settings.jwt_secret or signing_secret(data_dir)),
            now=lambda: datetime.now(UTC),
            new_id=lambda: uuid.uuid4().hex,
            new_secret=lambda: secrets.token_urlsafe(32),
            limits=limits,
        )
        checks: dict[str, Check] = {
            "stores": stores.check,
            "recordings": recordings_check,
            "doorbell": doorbell_check,
        }
        yield Therapy(desk, settings, data_dir, checks)


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[Engines]:
    """Open what listens to a recording, and close it again; no model is loaded before it is used."""
    from therapy.adapters.audio import PyAvAudio

    async with AsyncExitStack() as stack:
        sentiment, insight = await _language(settings, stack)
        yield Engines(PyAvAudio(), await _speech(settings, stack), sentiment, insight)


async def _stores(settings: Settings, data_dir: Path, stack: AsyncExitStack) -> Stores:
    if settings.stores == "azure":
        return await _cosmos_stores(settings, stack)
    from therapy.adapters.local.database import Database
    from therapy.adapters.local.devices import SqliteDevices
    from therapy.adapters.local.logins import SqliteLogins
    from therapy.adapters.local.outbox import SqliteOutbox
    from therapy.adapters.local.people import SqlitePeople
    from therapy.adapters.local.reservations import SqliteReservations
    from therapy.adapters.local.rows import SqliteRows
    from therapy.adapters.local.runs import SqliteRuns
    from therapy.adapters.local.sessions import SqliteSessions
    from therapy.adapters.local.uploads import SqliteUploads

    database = await stack.enter_async_context(Database.open(data_dir / "therapy.sqlite3"))
    return Stores(
        sessions=SqliteSessions(database),
        runs=SqliteRuns(database),
        outbox=SqliteOutbox(database),
        rows=SqliteRows(database),
        people=SqlitePeople(database),
        logins=SqliteLogins(database),
        devices=SqliteDevices(database),
        uploads=SqliteUploads(database),
        reservations=SqliteReservations(database),
        check=database.check,
    )


async def _cosmos_stores(settings: Settings, stack: AsyncExitStack) -> Stores:
    from therapy.adapters.azure.cosmos.client import open_cosmos
    from therapy.adapters.azure.devices import CosmosDevices
    from therapy.adapters.azure.logins import CosmosLogins
    from therapy.adapters.azure.outbox import CosmosOutbox
    from therapy.adapters.azure.people import CosmosPeople
    from therapy.adapters.azure.reservations import CosmosReservations
    from therapy.adapters.azure.rows import CosmosRows
    from therapy.adapters.azure.runs import CosmosRuns
    from therapy.adapters.azure.sessions import CosmosSessions
    from therapy.adapters.azure.uploads import CosmosUploads

    opening = open_cosmos(
        settings.cosmos_uri, settings.cosmos_key or None, settings.cosmos_database
    )
    cosmos = await stack.enter_async_context(opening)
    await cosmos.migrate()
    return Stores(
        sessions=CosmosSessions(cosmos),
        runs=CosmosRuns(cosmos),
        outbox=CosmosOutbox(cosmos),
        rows=CosmosRows(cosmos),
        people=CosmosPeople(cosmos),
        logins=CosmosLogins(cosmos),
        devices=CosmosDevices(cosmos),
        uploads=CosmosUploads(cosmos),
        reservations=CosmosReservations(cosmos),
        check=cosmos.check,
    )


async def _recordings(
    settings: Settings, data_dir: Path, stack: AsyncExitStack
) -> tuple[Recordings, Check]:
    if settings.recordings == "azure":
        from therapy.adapters.azure.recordings import BlobRecordings

        opening = BlobRecordings.open(
            settings.storage_container,
            connection_string=settings.storage_connection,
            account_name=settings.storage_account,
        )
        blobs = await stack.enter_async_context(opening)
        return blobs, blobs.check
    from therapy.adapters.local.recordings import FileRecordings

    files = FileRecordings(data_dir / "recordings", settings.disk_reserve)
    return files, files.check


async def _speech(settings: Settings, stack: AsyncExitStack) -> Speech:
    if settings.speech == "azure":
        from therapy.adapters.azure.access import SpeechAccess
        from therapy.adapters.azure.speech import AzureSpeech, Engine

        address = settings.speech_endpoint
        websocket = address.startswith(("ws://", "wss://"))
        access = SpeechAccess(
            region=settings.speech_region,
            key=settings.speech_key,
            endpoint="" if websocket else address,
            host=address if websocket else "",
            fast_endpoint=settings.fast_endpoint,
            credential=None if settings.speech_key else await _identity(stack),
            resource_id=settings.speech_resource_id,
        )
        return AzureSpeech(access, engine=Engine(settings.speech_engine))
    from therapy.adapters.local.speech import WhisperSpeech

    models = settings.data_dir.expanduser().resolve() / "models"
    return WhisperSpeech(model=settings.speech_model, cache=models)


async def _language(settings: Settings, stack: AsyncExitStack) -> tuple[Sentiment, Insight]:
    if settings.sentiment == "azure":
        from therapy.adapters.azure.insights import LanguageInsight
        from therapy.adapters.azure.language import language_client
        from therapy.adapters.azure.sentiment import LanguageSentiment

        opening = language_client(settings.language_endpoint, key=settings.language_key)
        client = await stack.enter_async_context(opening)
        return LanguageSentiment(client), LanguageInsight(client)
    from therapy.adapters.local.insights import LocalInsight
    from therapy.adapters.local.sentiment import VaderSentiment

    return VaderSentiment(), LocalInsight()


async def _identity(stack: AsyncExitStack) -> "AsyncTokenCredential":
    from azure.identity.aio import DefaultAzureCredential

    return await stack.enter_async_context(DefaultAzureCredential())


async def _notices(settings: Settings, data_dir: Path, stack: AsyncExitStack) -> Notices:
    if settings.notices == "firebase":
        from therapy.adapters.firebase.notices import FcmNotices

        opening = FcmNotices.open(
            project_id=settings.firebase_project,
            account_json=settings.firebase_account,
            account_path=settings.google_credentials,
        )
        return await stack.enter_async_context(opening)
    from therapy.adapters.local.notices import FileNotices

    return FileNotices(data_dir / MAILBOX)


def _mail(data_dir: Path) -> Mail:
    from therapy.adapters.local.mail import FileMail

    return FileMail(data_dir / MAILBOX)


async def _doorbell(settings: Settings, stack: AsyncExitStack) -> tuple[Doorbell, Check]:
    if settings.doorbell == "redis":
        from therapy.adapters.redis import RedisBroker

        broker = RedisBroker(
            settings.redis_host,
            settings.redis_port,
            tls=settings.redis_ssl,
            password=settings.redis_password,
        )
        stack.push_async_callback(broker.shutdown)
        return TaskiqDoorbell(broker), broker.check
    return TaskiqDoorbell(QueueBroker()), _nothing_to_ask


async def _nothing_to_ask() -> None:
    """Nothing stands outside this process."""


@dataclass(frozen=True)
class Mailbox:
    """What the embedded default sent into files instead of the world, oldest first."""

    letters: tuple[Letter, ...]
    pushes: "tuple[SentNotice, ...]"


def mailbox(settings: Settings) -> Mailbox:
    """Look into the file mailbox; opens nothing else."""
    from therapy.adapters.local.mail import sent_letters
    from therapy.adapters.local.notices import sent_notices

    directory = settings.data_dir.expanduser() / MAILBOX
    return Mailbox(sent_letters(directory), sent_notices(directory))
