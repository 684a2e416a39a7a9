"""The composition root: settings in, a running `Therapy` out. Nothing else names an adapter.

What is opened here is closed here, by one exit stack. A family's modules are imported only if it is chosen,
so that the libraries of other families are not needed.
"""

import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from mmap import mmap
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from therapy.adapters.logged_mail import LoggedMail
from therapy.adapters.passwords import Argon2Passwords
from therapy.adapters.tokens import JwtTokens
from therapy.config import Settings
from therapy.config.settings import usable_cores
from therapy.domain.person_limits import PersonLimits
from therapy.ports.mail import Letter
from therapy.ports.push import PushSender
from therapy.wiring.adapters import (
    MAILBOX,
    engine_names,
    languages_lacking,
    longest_for_engine,
    open_attempt_limits,
    open_decoder,
    open_doorbell,
    open_language,
    open_mail,
    open_push,
    open_recordings,
    open_session_events,
    open_speech,
    quotas_of,
)
from therapy.wiring.opened_on_use import (
    InsightsOnUse,
    OnUse,
    PushOnUse,
    SentimentOnUse,
    SpeechOnUse,
)
from therapy.wiring.stores import Check, open_records, open_stores, utc_now
from therapy.workflows.decoding_turns import NUMBERS, DecodingTurns
from therapy.workflows.engines import Engines
from therapy.workflows.installation import Installation, Ports, install
from therapy.workflows.reset_letters import LetterPace
from therapy.workflows.sweep import LONGEST_UPLOAD

if TYPE_CHECKING:
    from therapy.adapters.local.push import SentPush

__all__ = [
    "WORKED_WITHOUT",
    "Check",
    "Engines",
    "Mailbox",
    "Ports",
    "Therapy",
    "decoding_turns",
    "engine_names",
    "languages_lacking",
    "mailbox",
    "open_engines",
    "open_records",
    "open_therapy",
]

WORKED_WITHOUT = frozenset({"attempt_limits", "doorbell"})
"""Dependencies that may be down: without the doorbell rings are lost, but the sweep finds the work; without
Redis each process limits attempts by itself."""


@dataclass(frozen=True)
class Therapy:
    """A running installation, its settings, and checks of what it depends on."""

    installation: Installation
    settings: Settings
    data_dir: Path
    checks: Mapping[str, Check]


def as_chosen(ports: Ports) -> Ports:
    """Return the adapters that the settings chose, unchanged."""
    return ports


@asynccontextmanager
async def open_therapy(
    settings: Settings,
    exchange: Callable[[Ports], Ports] = as_chosen,
    *,
    works: bool = True,
    turns: DecodingTurns | None = None,
) -> AsyncIterator[Therapy]:
    """Yield a running installation; close everything at the end.

    Without `works`, nobody works on recordings here: engines and pushes are opened only when they are used.
    `exchange` gets the adapters that the settings chose and returns the ones to use: it may replace some by
    other adapters, or by fakes, with `dataclasses.replace`. `turns` are shared with other processes (None:
    with nobody), see `DecodingTurns`.

    Raises:
        OSError: the data directory can't be created or written.
        Unavailable: a store can't be opened; says why.
        SettingsError: a plugin that was chosen can't be used; says why.
    """
    from therapy.adapters.local.data_directory import prepare, signing_secret

    data_dir = prepare(settings.data_dir)
    async with AsyncExitStack() as stack, open_engines(settings, at_once=works) as engines:
        stores = await open_stores(settings, data_dir, stack)
        recordings, recordings_check = await open_recordings(settings, data_dir, stack)
        doorbell, doorbell_check = await open_doorbell(settings, stack)
        limits, limits_checks = await open_attempt_limits(settings, stores.store, stack)
        chosen = Ports(
            store=stores.store,
            session_index=stores.session_index,
            people_index=stores.people_index,
            recordings=recordings,
            engines=engines,
            doorbell=doorbell,
            session_events=await open_session_events(settings, data_dir, stack),
            push=await open_pushes(settings, data_dir, stack, at_once=works),
            mail=(await open_mail(settings, data_dir, stack))[0],
            passwords=await stack.enter_async_context(
                Argon2Passwords.open(settings.sign_in_limits.sign_ins_waiting)
            ),
            tokens=JwtTokens(settings.jwt_secret or signing_secret(data_dir)),
            attempt_limits=limits,
            now=utc_now,
            new_id=lambda: uuid.uuid4().hex,
            new_secret=lambda: secrets.token_urlsafe(32),
        )
        ports = exchange(chosen)
        installation = install(
            replace(ports, mail=LoggedMail(ports.mail)),
            lease=settings.lease,
            insights_time=settings.insights_time,
            max_upload_bytes=settings.upload_bytes,
            languages=settings.speech_languages,
            people=settings.speech_people,
            quotas=quotas_of(settings),
            limits=person_limits_of(settings),
            longest_ms=longest_ms(settings),
            resumable_for=min(settings.recording_limits.resumable_for, LONGEST_UPLOAD),
            paid_tries=settings.azure_limits.paid_tries,
            checkpoint_ms=settings.recording_limits.checkpoint * 1000,
            login_check=timedelta(seconds=settings.sign_in_limits.login_check),
            most_devices=settings.sign_in_limits.most_devices,
            key_lifetime=settings.idempotency_keys,
            events_poll=settings.person_limits.events_poll,
            letter_pace=LetterPace(
                settings.sign_in_limits.reset_lifetime, settings.sign_in_limits.mail_pause
            ),
            turns=turns or decoding_turns(settings),
        )
        checks: dict[str, Check] = {
            "stores": stores.probe,
            "recordings": recordings_check,
            "doorbell": doorbell_check,
            **limits_checks,
        }
        yield Therapy(installation, settings, data_dir, checks)


def decoding_turns(settings: Settings, processes: int = 1) -> DecodingTurns:
    """Return the turns of this process, or of so many that are forked from it."""
    at_once = settings.recording_limits.decoded_at_once or usable_cores()
    shared = mmap(-1, processes * NUMBERS * 8)  # of no file: who is forked has it, too
    return DecodingTurns(at_once, memoryview(shared).cast("d"), monotonic)


def person_limits_of(settings: Settings) -> PersonLimits:
    """Return how much these settings let people have under way."""
    names = PersonLimits.__struct_fields__
    return PersonLimits(**{name: getattr(settings.person_limits, name) for name in names})


def longest_ms(settings: Settings) -> int:
    """Return how long a session's recordings may last together, in ms: no longer than its engine takes."""
    longest = min((settings.recording_limits.longest_recording, *longest_for_engine(settings)))
    return int(longest.total_seconds() * 1000)


@asynccontextmanager
async def open_engines(settings: Settings, *, at_once: bool = True) -> AsyncIterator[Engines]:
    """Yield the engines, opened `at_once` or on use; close them at the end. No model is loaded before use."""
    async with AsyncExitStack() as stack:
        decoder = open_decoder(settings)
        if at_once:
            sentiment, insights = await open_language(settings, stack)
            yield Engines(decoder, await open_speech(settings, stack), sentiment, insights)
        else:
            speech = OnUse(lambda: open_speech(settings, stack))
            language = OnUse(lambda: open_language(settings, stack))
            yield Engines(
                decoder, SpeechOnUse(speech), SentimentOnUse(language), InsightsOnUse(language)
            )


async def open_pushes(
    settings: Settings, data_dir: Path, stack: AsyncExitStack, *, at_once: bool
) -> PushSender:
    """Return the sender of pushes, opened `at_once` or on use."""
    if at_once:
        return await open_push(settings, data_dir, stack)
    return PushOnUse(OnUse(lambda: open_push(settings, data_dir, stack)))


@dataclass(frozen=True)
class Mailbox:
    """The letters and pushes that the local family wrote to files instead of sending, oldest first."""

    letters: tuple[Letter, ...]
    pushes: "tuple[SentPush, ...]"


def mailbox(settings: Settings) -> Mailbox:
    """Return the contents of the file mailbox; opens nothing else."""
    from therapy.adapters.local.mail import sent_letters
    from therapy.adapters.local.push import sent_pushes

    directory = settings.data_dir.expanduser() / MAILBOX
    return Mailbox(sent_letters(directory), sent_pushes(directory))
