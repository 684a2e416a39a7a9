"""Opens all adapters but the stores: recordings, speech, sentiment, insights, pushes, mail, rings, limits."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from therapy.config import Settings
from therapy.domain.attempts import Quota, Quotas
from therapy.ports.attempt_limits import AttemptLimits
from therapy.ports.audio import AudioDecoder
from therapy.ports.doorbell import Doorbell
from therapy.ports.insights import InsightFinder
from therapy.ports.mail import Mail
from therapy.ports.push import PushSender
from therapy.ports.recordings import Recordings
from therapy.ports.sentiment import Sentiment
from therapy.ports.session_events import SessionEvents
from therapy.ports.speech import Speech
from therapy.ports.store import Store
from therapy.repositories.attempts import StoredAttempts
from therapy.wiring.plugin_adapters import open_plugin
from therapy.wiring.stores import Check, check_of, data_dir_of, nothing_to_ask

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from redis.credentials import CredentialProvider

MAILBOX = "mailbox"
"""The directory of what the local family would have sent."""

FOR_A_SUMMARY = 0.9
"""The share of the time for insights that a summary may take, so that the other parts are kept without it."""


async def open_recordings(
    settings: Settings, data_dir: Path, stack: AsyncExitStack, *, make: bool = True
) -> tuple[Recordings, Check]:
    """Return the opened recordings and their check; with `make`, a missing container is created."""
    if (plugin := await open_plugin(settings, "recordings", Recordings, stack)) is not None:
        return plugin, check_of(plugin)
    if settings.recordings == "azure":
        from therapy.adapters.azure.blob.recordings import BlobRecordings

        opening = BlobRecordings.open(
            settings.storage_container,
            connection_string=settings.storage_connection,
            account_name=settings.storage_account,
            make=make,
            keep_alive=settings.keep_alive.total_seconds(),
        )
        blobs = await stack.enter_async_context(opening)
        return blobs, blobs.check
    from therapy.adapters.local.recordings import FileRecordings

    keeping = FileRecordings.open(data_dir / "recordings", settings.disk_reserve)
    files = await stack.enter_async_context(keeping)
    return files, files.check


async def open_speech(settings: Settings, stack: AsyncExitStack) -> Speech:
    """Return the opened recogniser; no model is loaded before it is used."""
    if (plugin := await open_plugin(settings, "speech", Speech, stack)) is not None:
        return plugin
    if settings.speech == "azure":
        from therapy.adapters.azure.speech.connection import SpeechAccess
        from therapy.adapters.azure.speech.engine import AzureSpeech, Engine, SpeechLimits

        address = settings.speech_endpoint
        websocket = address.startswith(("ws://", "wss://"))
        access = SpeechAccess(
            region=settings.speech_region,
            key=settings.speech_key,
            endpoint="" if websocket else address,
            host=address if websocket else "",
            fast_endpoint=settings.fast_endpoint,
            credential=None if settings.speech_key else await _machine_identity(stack),
            resource_id=settings.speech_resource_id,
            keep_alive=settings.keep_alive.total_seconds(),
        )
        speech_limits = SpeechLimits(
            fast_ms=int(settings.azure_limits.fast_longest.total_seconds() * 1000),
            fast_bytes=settings.azure_limits.fast_bytes,
            conversation_ms=int(settings.azure_limits.conversation_longest.total_seconds() * 1000),
        )
        return AzureSpeech(access, engine=Engine(settings.speech_engine), limits=speech_limits)
    from therapy.adapters.local.speech.engine import LIMITS, WhisperSpeech

    limits = replace(
        LIMITS,
        memory=settings.recording_limits.recogniser_memory,
        cpu_per_minute=settings.recording_limits.recogniser_cpu,
        silence=settings.recording_limits.child_silence.total_seconds(),
    )
    models = data_dir_of(settings) / "models"
    return WhisperSpeech(model=settings.speech_model, cache=models, limits=limits)


def longest_for_engine(settings: Settings) -> tuple[timedelta, ...]:
    """Return how long a recording the speech engine takes; () if that is not limited."""
    if settings.speech != "azure":
        return ()
    fast_alone = settings.speech_engine == "fast"
    return (
        settings.azure_limits.fast_longest
        if fast_alone
        else settings.azure_limits.conversation_longest,
    )


def open_decoder(settings: Settings) -> AudioDecoder:
    """Return the decoder; the checks at once are shared out among the API processes."""
    from therapy.adapters.audio import PyAvAudioDecoder
    from therapy.adapters.child_process.limits import Limits

    given = settings.recording_limits
    return PyAvAudioDecoder(
        limits=Limits(memory=given.decoder_memory, silence=given.child_silence.total_seconds()),
        checks_at_once=max(1, given.checks_at_once // settings.processes),
        checks_waiting=given.checks_waiting,
    )


def engine_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the installed recognisers: of `local`, `azure` and plugins there is always one."""
    return (settings.speech,)


def languages_lacking(settings: Settings) -> tuple[str, ...]:
    """Return the languages of sessions that the local recogniser's model does not recognise."""
    if settings.speech != "local":
        return ()
    from therapy.adapters.local.speech.whisper_weights import lacking

    return lacking(settings.speech_model, settings.speech_languages)


async def open_language(
    settings: Settings, stack: AsyncExitStack
) -> tuple[Sentiment, InsightFinder]:
    """Return opened sentiment and insights; if Azure serves both, they share one client."""
    sentiment = await open_plugin(settings, "sentiment", Sentiment, stack)
    insights = await open_plugin(settings, "insights", InsightFinder, stack)
    if "azure" in {settings.sentiment, settings.insights}:
        from therapy.adapters.azure.language.client import language_client
        from therapy.adapters.azure.language.insights import LanguageInsightFinder
        from therapy.adapters.azure.language.sentiment import LanguageSentiment

        opening = language_client(
            settings.language_endpoint,
            key=settings.language_key,
            keep_alive=settings.keep_alive.total_seconds(),
        )
        client = await stack.enter_async_context(opening)
        if settings.sentiment == "azure":
            sentiment = LanguageSentiment(client)
        if settings.insights == "azure":
            insights = LanguageInsightFinder(
                client,
                summaries=settings.summaries,
                summary_seconds=settings.insights_time.total_seconds() * FOR_A_SUMMARY,
            )
    return (
        _local_sentiment() if sentiment is None else sentiment,
        _local_insights() if insights is None else insights,
    )


def _local_sentiment() -> Sentiment:
    from therapy.adapters.local.sentiment import VaderSentiment

    return VaderSentiment()


def _local_insights() -> InsightFinder:
    from therapy.adapters.local.insights import LocalInsightFinder

    return LocalInsightFinder()


async def _machine_identity(stack: AsyncExitStack) -> "AsyncTokenCredential":
    from therapy.adapters.azure.credentials import machine_identity

    return await stack.enter_async_context(machine_identity())


async def open_push(settings: Settings, data_dir: Path, stack: AsyncExitStack) -> PushSender:
    """Return the opened push sender."""
    if (plugin := await open_plugin(settings, "push", PushSender, stack)) is not None:
        return plugin
    if settings.push == "firebase":
        # in a thread, as an API process opens it between requests
        await asyncio.to_thread(import_module, "therapy.adapters.firebase.push")
        from therapy.adapters.firebase.push import FcmPushSender

        opening = FcmPushSender.open(
            project_id=settings.firebase_project,
            account_json=settings.firebase_account,
            account_path=settings.google_credentials,
            keep_alive=settings.keep_alive.total_seconds(),
        )
        return await stack.enter_async_context(opening)
    from therapy.adapters.local.push import FilePushSender

    return FilePushSender(data_dir / MAILBOX, threads=_mailbox_thread(stack))


async def open_mail(
    settings: Settings, data_dir: Path, stack: AsyncExitStack
) -> tuple[Mail, Check]:
    """Open what sends letters; gives how to ask whether it would, too."""
    if (plugin := await open_plugin(settings, "mail", Mail, stack)) is not None:
        return plugin, check_of(plugin)
    if settings.mail == "smtp":
        from therapy.adapters.smtp import MailServer, SmtpMail

        server = MailServer(
            settings.smtp_host.strip("[]"),
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_username,
            settings.smtp_password,
        )
        mail = SmtpMail(server, settings.mail_from)
        return mail, mail.check
    from therapy.adapters.local.mail import FileMail

    return FileMail(data_dir / MAILBOX, threads=_mailbox_thread(stack)), nothing_to_ask


def _mailbox_thread(stack: AsyncExitStack) -> Executor:
    """Return a thread for the disk: a slow one must not keep waiting what is computed in the loop's own."""
    thread = ThreadPoolExecutor(1, "mailbox")
    stack.push_async_callback(asyncio.to_thread, thread.shutdown)
    return thread


async def open_doorbell(settings: Settings, stack: AsyncExitStack) -> tuple[Doorbell, Check]:
    """Open the doorbell; gives how to ask whether rings get through, too."""
    if settings.doorbell == "redis":
        from therapy.adapters.redis import RedisBroker
        from therapy.adapters.taskiq import TaskiqDoorbell

        broker = RedisBroker(**await _redis_access(settings, stack))
        stack.push_async_callback(broker.shutdown)
        return TaskiqDoorbell(broker), broker.check
    from therapy.adapters.local.doorbell import LocalDoorbell

    return LocalDoorbell(), nothing_to_ask


async def open_session_events(
    settings: Settings, data_dir: Path, stack: AsyncExitStack
) -> SessionEvents:
    """Open what tells followers of changes: Redis where there is one, else sockets in the data directory."""
    if settings.doorbell == "redis":
        from therapy.adapters.redis import redis_client
        from therapy.adapters.session_events import RedisSessionEvents

        redis = redis_client(**await _redis_access(settings, stack))
        stack.push_async_callback(redis.aclose)
        return RedisSessionEvents(redis)
    from therapy.adapters.local.session_events import SocketSessionEvents

    return SocketSessionEvents(data_dir)


async def open_attempt_limits(
    settings: Settings, store: Store, stack: AsyncExitStack
) -> tuple[AttemptLimits, Mapping[str, Check]]:
    """Open what counts attempts: Redis where there is one, else the store; gives its own checks, too."""
    if settings.doorbell != "redis":
        return StoredAttempts(store), {}
    from therapy.adapters.attempt_limits import RedisAttemptLimits
    from therapy.adapters.memory.attempt_limits import MemoryAttemptLimits
    from therapy.adapters.redis import redis_client

    redis = redis_client(**await _redis_access(settings, stack))
    stack.push_async_callback(redis.aclose)
    limits = RedisAttemptLimits(redis, MemoryAttemptLimits())
    return limits, {"attempt_limits": limits.check}


def quotas_of(settings: Settings) -> Quotas:
    """Return how often in an hour passwords may be wrong and letters be asked for."""
    return Quotas(
        sign_in=Quota(settings.sign_in_limits.sign_in_tries, shared=True),
        sign_in_known=Quota(settings.sign_in_limits.sign_in_tries_known),
        sign_in_address=Quota(settings.sign_in_limits.sign_in_tries_address),
        letter=Quota(settings.sign_in_limits.letters, shared=True),
        letter_address=Quota(settings.sign_in_limits.letters_address),
        token=Quota(settings.sign_in_limits.wrong_tokens),
    )


async def _redis_access(settings: Settings, stack: AsyncExitStack) -> dict[str, Any]:
    """Return where Redis is and what lets us in, as either of its clients takes it."""
    return {
        "host": settings.redis_host,
        "port": settings.redis_port,
        "tls": settings.redis_ssl,
        "password": settings.redis_password,
        "credentials": await _redis_credentials(settings, stack),
        "keep_alive": settings.keep_alive.total_seconds(),
    }


async def _redis_credentials(
    settings: Settings, stack: AsyncExitStack
) -> "CredentialProvider | None":
    """Without a password over TLS, it is the machine's identity that is let in."""
    if settings.redis_password or not settings.redis_ssl:
        return None
    from therapy.adapters.azure.redis_credentials import EntraCredentials

    return EntraCredentials(await _machine_identity(stack), settings.redis_username)
