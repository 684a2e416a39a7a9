"""The composition root: settings in, a running `Therapy` out. Nothing else names an adapter.

Whoever opens here closes here: everything hangs on one exit stack.
"""

import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from therapy.adapters.audio import PyAvAudio
from therapy.adapters.local.database import Database
from therapy.adapters.local.devices import SqliteDevices
from therapy.adapters.local.directory import prepare, signing_secret
from therapy.adapters.local.logins import SqliteLogins
from therapy.adapters.local.mail import FileMail, sent_letters
from therapy.adapters.local.notices import FileNotices, SentNotice, sent_notices
from therapy.adapters.local.outbox import SqliteOutbox
from therapy.adapters.local.people import SqlitePeople
from therapy.adapters.local.recordings import FileRecordings
from therapy.adapters.local.reservations import SqliteReservations
from therapy.adapters.local.rows import SqliteRows
from therapy.adapters.local.runs import SqliteRuns
from therapy.adapters.local.sentiment import VaderSentiment
from therapy.adapters.local.sessions import SqliteSessions
from therapy.adapters.local.speech import WhisperSpeech
from therapy.adapters.local.uploads import SqliteUploads
from therapy.adapters.passwords import Argon2Passwords
from therapy.adapters.taskiq import QueueBroker, TaskiqDoorbell
from therapy.adapters.tokens import JwtTokens
from therapy.config import Settings
from therapy.ports.audio import Audio
from therapy.ports.mail import Letter
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import Speech
from therapy.workflows.desk import Desk, Limits

MAILBOX = "mailbox"


@dataclass(frozen=True)
class Therapy:
    """A running installation: the desk its workflows work at, and what it was set up with."""

    desk: Desk
    settings: Settings
    data_dir: Path


@asynccontextmanager
async def open_therapy(settings: Settings) -> AsyncIterator[Therapy]:
    """Open every store and engine, and close them again.

    Raises:
        OSError: the data directory can't be made or written.
        Unavailable: a store can't be opened; says why.
    """
    data_dir = prepare(settings.data_dir)
    limits = Limits(
        upload_bytes=settings.upload_bytes,
        lease=settings.lease,
        follow_up=settings.lease,
        languages=settings.speech_languages,
    )
    engines = make_engines(settings)
    async with Database.open(data_dir / "therapy.sqlite3") as database:
        desk = Desk(
            sessions=SqliteSessions(database),
            runs=SqliteRuns(database),
            outbox=SqliteOutbox(database),
            rows=SqliteRows(database),
            people=SqlitePeople(database),
            logins=SqliteLogins(database),
            devices=SqliteDevices(database),
            uploads=SqliteUploads(database),
            reservations=SqliteReservations(database),
            recordings=FileRecordings(data_dir / "recordings", settings.disk_reserve),
            audio=engines.audio,
            speech=engines.speech,
            sentiment=engines.sentiment,
            notices=FileNotices(data_dir / MAILBOX),
            mail=FileMail(data_dir / MAILBOX),
            doorbell=TaskiqDoorbell(QueueBroker()),
            passwords=Argon2Passwords(),
            tokens=JwtTokens(settings.jwt_secret or signing_secret(data_dir)),
            now=lambda: datetime.now(UTC),
            new_id=lambda: uuid.uuid4().hex,
            new_secret=lambda: secrets.token_urlsafe(32),
            limits=limits,
        )
        yield Therapy(desk, settings, data_dir)


@dataclass(frozen=True)
class Engines:
    """What listens to a recording; needs no store."""

    audio: Audio
    speech: Speech
    sentiment: Sentiment


def make_engines(settings: Settings) -> Engines:
    """Make the engines; nothing is loaded before it is used."""
    models = settings.data_dir.expanduser().resolve() / "models"
    speech = WhisperSpeech(model=settings.speech_model, cache=models)
    return Engines(PyAvAudio(), speech, VaderSentiment())


@dataclass(frozen=True)
class Mailbox:
    """What the embedded default sent into files instead of the world, oldest first."""

    letters: tuple[Letter, ...]
    pushes: tuple[SentNotice, ...]


def mailbox(settings: Settings) -> Mailbox:
    """Look into the file mailbox; opens nothing else."""
    directory = settings.data_dir.expanduser() / MAILBOX
    return Mailbox(sent_letters(directory), sent_notices(directory))
