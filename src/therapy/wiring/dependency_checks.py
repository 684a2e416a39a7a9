"""Each dependency by itself: opened, asked through its port, closed. What one lacks hides nothing of another.

For `therapy check` and `therapy migrate`, which have to say something where `open_therapy` would fail at
the first.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from therapy.adapters.local.data_directory import prepare
from therapy.config import Settings
from therapy.domain.outbox import PushKind
from therapy.domain.people import Device
from therapy.domain.push import PushMessage
from therapy.domain.transcript import Utterance
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import Speech, SpeechOptions
from therapy.wiring.adapters import (
    MAILBOX,
    open_doorbell,
    open_language,
    open_mail,
    open_push,
    open_recordings,
    open_speech,
)
from therapy.wiring.plugins import plugin_of
from therapy.wiring.stores import (
    NOBODY,
    Check,
    check_of,
    open_database,
    open_stores,
    utc_now,
)

SILENCE = bytes(1_000 * BYTES_PER_MS)
SENTENCE = "All is well."
FCM = "oauth2.googleapis.com or fcm.googleapis.com"
"""Google is asked for a token, then FCM."""

Opening = Callable[[AsyncExitStack], Awaitable[Check]]
Told = Callable[[int, int], None]


def _nobody(_read: int, _written: int) -> None:
    """Hear nothing."""


@dataclass(frozen=True)
class Dependency:
    """Something the installation stands on: its field in the settings, who serves it, where it is.

    `where` is for a table; `host` is what is asked over the network, with its port if one is set: "" if none.
    `open` opens it on a stack and gives what asks it something harmless; both raise what the port raises.
    """

    name: str
    family: str
    where: str
    open: Opening
    host: str = ""


def dependencies(settings: Settings) -> Iterator[Dependency]:
    """Give everything that these settings make the installation depend on."""
    data_dir = settings.data_dir.expanduser().resolve()

    async def stores(stack: AsyncExitStack) -> Check:
        return (await open_stores(settings, prepare(data_dir), stack, make=False)).check

    async def recordings(stack: AsyncExitStack) -> Check:
        return (await open_recordings(settings, prepare(data_dir), stack, make=False))[1]

    async def speech(stack: AsyncExitStack) -> Check:
        opened = await open_speech(settings, stack)
        return check_of(opened, partial(_listen, opened, settings.speech_languages))

    async def sentiment(stack: AsyncExitStack) -> Check:
        opened, _ = await open_language(settings, stack)
        return check_of(opened, partial(opened.score, NOBODY, [SENTENCE], "en"))

    async def insights(stack: AsyncExitStack) -> Check:
        _, opened = await open_language(settings, stack)
        said = Utterance(0, 1_000, SENTENCE)
        return check_of(opened, partial(opened.find, NOBODY, [said], "en"))

    async def push(stack: AsyncExitStack) -> Check:
        opened = await open_push(settings, data_dir, stack)
        device = Device(NOBODY, NOBODY, NOBODY, NOBODY, "ANDROID", datetime.now(UTC))
        message = PushMessage(NOBODY, PushKind.SESSION_READY, "-", "-", "")
        return check_of(opened, partial(opened.send, NOBODY, device, message))

    async def mail(stack: AsyncExitStack) -> Check:
        return (await open_mail(settings, data_dir, stack))[1]

    async def doorbell(stack: AsyncExitStack) -> Check:
        return (await open_doorbell(settings, stack))[1]

    opening = {
        "stores": stores,
        "recordings": recordings,
        "speech": speech,
        "sentiment": sentiment,
        "insights": insights,
        "push": push,
        "mail": mail,
        "doorbell": doorbell,
    }
    for name, each in opening.items():
        if _listed(settings, name):
            yield _dependency(settings, name, each)


def migrations(
    settings: Settings, *, throughput: int | None = None, told: Told = _nobody
) -> Iterator[Dependency]:
    """Give what has to be made: to open it makes what is missing or brings it up to date. Idempotent.

    A Cosmos database that is new gets this many RU/s, shared by its containers. What an older program
    left in Cosmos is copied; `told` hears how many documents were read and written so far.
    """
    data_dir = settings.data_dir.expanduser().resolve()

    async def stores(stack: AsyncExitStack) -> Check:
        prepare(data_dir)
        if settings.stores == "azure":
            from therapy.adapters.azure.cosmos.migration import copy_first_layout

            database = await open_database(settings, stack)
            await database.migrate(throughput=throughput)
            await copy_first_layout(database, utc_now, told)
            return database.check
        return (await open_stores(settings, data_dir, stack)).check

    async def recordings(stack: AsyncExitStack) -> Check:
        return (await open_recordings(settings, prepare(data_dir), stack))[1]

    yield _dependency(settings, "stores", stores)
    yield _dependency(settings, "recordings", recordings)


def _listed(settings: Settings, name: str) -> bool:
    """Tell whether there is somebody to ask: a push or a letter into the file mailbox would be one."""
    family: str = getattr(settings, name)
    if name == "insights":  # with sentiment from the same resource, that is asked
        return family not in {"local", settings.sentiment}
    return family != "local" or name not in {"push", "mail", "doorbell"}


def _dependency(settings: Settings, name: str, opening: Opening) -> Dependency:
    """Return what is served by whom: where is the package of a plugin, which knows by itself whom it asks."""
    family: str = getattr(settings, name)
    if plugin := plugin_of(settings, name):
        return Dependency(name, family, plugin.package or "no package", opening)
    where, host = WHERE[name](settings)
    return Dependency(name, family, where, opening, host)


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


def stores_at(settings: Settings) -> str:
    """Give where documents and people are, as a person would look for it."""
    if plugin := plugin_of(settings, "stores"):
        return str(plugin)
    if settings.stores == "azure":
        return f"{_host(settings.cosmos_uri)}, database {settings.cosmos_database}"
    return str(settings.data_dir.expanduser().resolve())


def _recordings_at(settings: Settings) -> str:
    if settings.recordings == "azure":
        return f"{_account(settings)}, container {settings.storage_container}"
    return str(settings.data_dir.expanduser().resolve() / "recordings")


def _recordings_host(settings: Settings) -> str:
    if settings.recordings != "azure":
        return ""
    told = _connection(settings)
    suffix = told.get("EndpointSuffix") or "core.windows.net"
    return _host(told.get("BlobEndpoint", "")) or f"{_account(settings)}.blob.{suffix}"


def _connection(settings: Settings) -> dict[str, str]:
    """Read the connection string, whose key is never shown."""
    pairs = (part.partition("=") for part in settings.storage_connection.split(";"))
    return {name.strip(): text.strip() for name, _, text in pairs}


def _account(settings: Settings) -> str:
    """Name the storage account; of the connection string nothing but its name is shown."""
    told = _connection(settings)
    named = told.get("AccountName") or _host(told.get("BlobEndpoint", ""))
    return named or settings.storage_account


def _speech_at(settings: Settings) -> str:
    if settings.speech == "azure":
        return _host(settings.speech_endpoint) or settings.speech_region
    return settings.speech_model


def _language_at(settings: Settings) -> tuple[str, str]:
    host = _host(settings.language_endpoint)
    return host, host


def _mail_at(settings: Settings) -> tuple[str, str]:
    host = f"{settings.smtp_host}:{settings.smtp_port}"
    return f"{host}, {settings.smtp_security}", host


def _doorbell_at(settings: Settings) -> tuple[str, str]:
    tls = "TLS" if settings.redis_ssl else "no TLS"
    host = f"{settings.redis_host}:{settings.redis_port}"
    return f"{host}, {tls}", host


def _speech_host(settings: Settings) -> str:
    """Name who is asked for a second of silence: as a rule Fast Transcription."""
    if settings.speech != "azure":
        return ""
    conversation = settings.speech_engine == "conversation"
    address = settings.speech_endpoint
    if not conversation:
        address = settings.fast_endpoint or address
    kind = "stt.speech" if conversation else "api.cognitive"
    return _host(address) or f"{settings.speech_region}.{kind}.microsoft.com"


def _project(settings: Settings) -> str:
    """Name the Firebase project, as it is set or as the service account has it; nothing else of that."""
    if settings.firebase_project:
        return settings.firebase_project
    path = settings.google_credentials
    try:
        account = json.loads(settings.firebase_account or Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return path
    named = account.get("project_id") if isinstance(account, dict) else None
    return named if isinstance(named, str) else path


def _host(address: str) -> str:
    """Give an address without whatever it may have beside host and port."""
    return urlsplit(address).netloc.rpartition("@")[2]


WHERE: Mapping[str, Callable[[Settings], tuple[str, str]]] = {
    "stores": lambda settings: (
        stores_at(settings),
        _host(settings.cosmos_uri) if settings.stores == "azure" else "",
    ),
    "recordings": lambda settings: (_recordings_at(settings), _recordings_host(settings)),
    "speech": lambda settings: (_speech_at(settings), _speech_host(settings)),
    "sentiment": _language_at,
    "insights": _language_at,
    "push": lambda settings: (_project(settings), FCM),
    "mail": _mail_at,
    "doorbell": _doorbell_at,
}
"""Where something is, and its host, of each dependency that a family of ours serves."""
