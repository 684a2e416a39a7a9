"""The composition root: settings in, a running `Therapy` out. Nothing else names an adapter.

Whoever opens here closes here: everything hangs on one exit stack. A family's modules are imported when
it is chosen, so that nobody needs the libraries of another one.
"""

import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from therapy.adapters.passwords import Argon2Passwords
from therapy.adapters.tokens import JwtTokens
from therapy.config import Settings
from therapy.ports.audio import AudioDecoder
from therapy.ports.insights import InsightFinder
from therapy.ports.mail import Letter
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import Speech
from therapy.wiring.adapters import (
    MAILBOX,
    open_doorbell,
    open_language,
    open_mail,
    open_push,
    open_recordings,
    open_speech,
)
from therapy.wiring.stores import Check, open_stores
from therapy.workflows.desk import Desk, Limits

if TYPE_CHECKING:
    from therapy.adapters.local.push import SentPush

__all__ = [
    "WORKED_WITHOUT",
    "Check",
    "Engines",
    "Mailbox",
    "Therapy",
    "mailbox",
    "open_engines",
    "open_therapy",
]

WORKED_WITHOUT = frozenset({"doorbell"})
"""What may be away: rings are lost then, and the sweep finds the work."""


@dataclass(frozen=True)
class Engines:
    """What listens to a recording; needs no store."""

    audio: AudioDecoder
    speech: Speech
    sentiment: Sentiment
    insight: InsightFinder


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
    from therapy.adapters.local.data_directory import prepare, signing_secret

    data_dir = prepare(settings.data_dir)
    limits = Limits(
        upload_bytes=settings.upload_bytes,
        lease=settings.lease,
        follow_up=settings.lease,
        languages=settings.speech_languages,
    )
    async with AsyncExitStack() as stack, open_engines(settings) as engines:
        stores = await open_stores(settings, data_dir, stack)
        recordings, recordings_check = await open_recordings(settings, data_dir, stack)
        doorbell, doorbell_check = await open_doorbell(settings, stack)
        desk = Desk(
            sessions=stores.sessions,
            runs=stores.runs,
            outbox=stores.outbox,
            session_index=stores.session_index,
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
            push=await open_push(settings, data_dir, stack),
            mail=open_mail(settings, data_dir)[0],
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
    from therapy.adapters.audio import PyAvAudioDecoder

    async with AsyncExitStack() as stack:
        sentiment, insight = await open_language(settings, stack)
        yield Engines(PyAvAudioDecoder(), await open_speech(settings, stack), sentiment, insight)


@dataclass(frozen=True)
class Mailbox:
    """What the embedded default sent into files instead of the world, oldest first."""

    letters: tuple[Letter, ...]
    pushes: "tuple[SentPush, ...]"


def mailbox(settings: Settings) -> Mailbox:
    """Look into the file mailbox; opens nothing else."""
    from therapy.adapters.local.mail import sent_letters
    from therapy.adapters.local.push import sent_pushes

    directory = settings.data_dir.expanduser() / MAILBOX
    return Mailbox(sent_letters(directory), sent_pushes(directory))
