"""Checks each dependency by itself: opened, called through its port, closed. One's failure hides no other's.

For `therapy check` and `therapy migrate`, which have to say something where `open_therapy` would fail at
the first.
"""

import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec.structs import replace

from therapy.adapters.local.data_directory import prepare
from therapy.config import Settings
from therapy.domain.errors import EngineFailed, LanguageNotSupported
from therapy.domain.insights import FAILED
from therapy.domain.outbox import PushKind
from therapy.domain.people import Device
from therapy.domain.push import PushMessage
from therapy.domain.transcript import Utterance
from therapy.ports import SupportsExamine
from therapy.ports.insights import InsightFinder
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
from therapy.wiring.plugin_adapters import plugin_of
from therapy.wiring.stores import (
    NOBODY,
    Check,
    check_of,
    data_dir_of,
    open_database,
    open_stores,
    utc_now,
)

SPEECH = "second_of_speech.pcm"
"""The first second of tests/data/hard/two-women.ogg, as samples. In silence a recogniser would do nothing."""

SENTENCE = "All is well."
FCM = "oauth2.googleapis.com or fcm.googleapis.com"
"""The hosts that pushes need: Google's for a token, then FCM's."""

Opening = Callable[[AsyncExitStack], Awaitable[Check]]
OnProgress = Callable[[int, int], None]


def _nobody(_read: int, _written: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Dependency:
    """Something that the installation depends on: its field in the settings, its adapter, its address.

    `where` is for a table; `host` is what is asked over the network, with its port if one is set: "" if none.
    `part` tells apart what has the same name, e.g. two engines.
    `open` opens it on a stack and gives what asks it something harmless; both raise what the port raises.
    What is asked may return a tuple of codes: what should be otherwise, though it works.
    """

    name: str
    family: str
    where: str
    open: Opening
    host: str = ""
    part: str = ""

    @property
    def label(self) -> str:
        """Its name for people, e.g. "speech (fast)"."""
        return f"{self.name} ({self.part})" if self.part else self.name


def dependencies(settings: Settings) -> Iterator[Dependency]:
    """Yield everything that an installation with these settings depends on."""
    data_dir = data_dir_of(settings)

    async def stores(stack: AsyncExitStack) -> Check:
        return (await open_stores(settings, prepare(data_dir), stack, make=False)).check

    async def recordings(stack: AsyncExitStack) -> Check:
        opened, ask = await open_recordings(settings, prepare(data_dir), stack, make=False)
        return opened.examine if isinstance(opened, SupportsExamine) else ask

    async def sentiment(stack: AsyncExitStack) -> Check:
        opened, _ = await open_language(settings, stack)
        return check_of(opened, partial(opened.score, NOBODY, [SENTENCE], "en"))

    async def insights(stack: AsyncExitStack) -> Check:
        _, opened = await open_language(settings, stack)
        return check_of(opened, partial(_find, opened))

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
        "speech": _speech_opening(settings),
        "sentiment": sentiment,
        "insights": insights,
        "push": push,
        "mail": mail,
        "doorbell": doorbell,
    }
    for name, each in opening.items():
        if name == "speech" and settings.speech == "azure":
            yield from _engines_of_azure(settings)
        elif _listed(settings, name):
            yield _dependency(settings, name, each)


def _engines_of_azure(settings: Settings) -> Iterator[Dependency]:
    """Yield each engine that may be chosen for a recording: what lets one in may not let the other one in."""
    from therapy.adapters.azure.speech.locales import FAST_LOCALES, locale_of

    engines: tuple[Literal["fast", "conversation"], ...] = ("fast", "conversation")
    if not FAST_LOCALES.issuperset(map(locale_of, settings.speech_languages)):
        engines = ("conversation",)
    if settings.speech_engine != "auto":
        engines = (settings.speech_engine,)
    for engine in engines:
        with_it = replace(settings, speech_engine=engine)
        found = _dependency(with_it, "speech", _speech_opening(with_it))
        yield dataclasses.replace(found, part=engine)


def _speech_opening(settings: Settings) -> Opening:
    """Return what opens the recogniser, and has a second of speech recognised."""

    async def speech(stack: AsyncExitStack) -> Check:
        opened = await open_speech(settings, stack)
        return check_of(opened, partial(_listen, opened, settings.speech_languages))

    return speech


async def not_limited() -> tuple[str, ...]:
    """Return which of memory, network and such has no limit here for what reads recordings."""
    from therapy.adapters.child_process.parent_side import refused_here
    from therapy.adapters.child_process.probe import ALL

    refused = await refused_here()
    return tuple(each for each in ALL if each not in refused)


def migrations(
    settings: Settings, *, throughput: int | None = None, on_progress: OnProgress = _nobody
) -> Iterator[Dependency]:
    """Yield what has to be created: opening it creates what is missing, or migrates it. Idempotent.

    A new Cosmos database gets `throughput` RU/s, shared by its containers. An older program's data in
    Cosmos is copied; `on_progress` is called with the numbers of documents read and written so far.
    """
    data_dir = data_dir_of(settings)

    async def stores(stack: AsyncExitStack) -> Check:
        prepare(data_dir)
        if settings.stores == "azure":
            from therapy.adapters.azure.cosmos.migration import copy_first_layout

            database = await open_database(settings, stack)
            await database.migrate(throughput=throughput)
            await copy_first_layout(database, utc_now, on_progress)
            return database.check
        return (await open_stores(settings, data_dir, stack)).check

    async def recordings(stack: AsyncExitStack) -> Check:
        return (await open_recordings(settings, prepare(data_dir), stack))[1]

    yield _dependency(settings, "stores", stores)
    yield _dependency(settings, "recordings", recordings)


def _listed(settings: Settings, name: str) -> bool:
    """Return whether a dependency can be checked: a check must not send a push or a letter to the mailbox."""
    family: str = getattr(settings, name)
    return family != "local" or name not in {"insights", "push", "mail", "doorbell"}


def _dependency(settings: Settings, name: str, opening: Opening) -> Dependency:
    """Return a dependency; for a plugin the address is its package, as only it knows what it connects to."""
    family: str = getattr(settings, name)
    if plugin := plugin_of(settings, name):
        return Dependency(name, family, plugin.package or "no package", opening)
    where, host = WHERE[name](settings)
    return Dependency(name, family, where, opening, host)


def unread(settings: Settings) -> str:
    """Return the directory that letters are written to where nobody will look; "" if that is not so."""
    if settings.mail == "local" and "azure" in {settings.stores, settings.recordings}:
        return str(data_dir_of(settings) / MAILBOX)
    return ""


async def _find(insights: InsightFinder) -> None:
    """Find insights in a sentence.

    Raises:
        EngineFailed: it failed at a part, which it does not raise itself.
    """
    found = await insights.find(NOBODY, [Utterance(0, 1_000, SENTENCE)], "en")
    if failed := [gap.part.value for gap in found.gaps if gap.code == FAILED]:
        raise EngineFailed(reason=", ".join(failed), transient=False)


async def _listen(speech: Speech, languages: tuple[str, ...]) -> None:
    """Recognise a second of speech in each language.

    Raises:
        EngineFailed: some of them can't be recognised; it names them.
    """
    missing = []
    for language in languages:
        try:
            async for _ in speech.transcribe(
                NOBODY, second_of_speech(), SpeechOptions((language,))
            ):
                pass
        except LanguageNotSupported:
            missing.append(language)
    if missing:
        raise EngineFailed("language", transient=False, languages=", ".join(missing))


async def second_of_speech() -> AsyncIterator[bytes]:
    """Yield the samples of a second in which somebody speaks English."""
    yield files(__package__).joinpath(SPEECH).read_bytes()


def stores_at(settings: Settings) -> str:
    """Return where the stores are, in a form for people."""
    if plugin := plugin_of(settings, "stores"):
        return str(plugin)
    if settings.stores == "azure":
        return f"{_host(settings.cosmos_uri)}, database {settings.cosmos_database}"
    return str(data_dir_of(settings))


def _recordings_at(settings: Settings) -> str:
    if settings.recordings == "azure":
        return f"{_account(settings)}, container {settings.storage_container}"
    return str(data_dir_of(settings) / "recordings")


def _recordings_host(settings: Settings) -> str:
    if settings.recordings != "azure":
        return ""
    connection = _connection(settings)
    suffix = connection.get("EndpointSuffix") or "core.windows.net"
    return _host(connection.get("BlobEndpoint", "")) or f"{_account(settings)}.blob.{suffix}"


def _connection(settings: Settings) -> dict[str, str]:
    """Return the parts of the connection string, whose key is never shown."""
    pairs = (part.partition("=") for part in settings.storage_connection.split(";"))
    return {name.strip(): text.strip() for name, _, text in pairs}


def _account(settings: Settings) -> str:
    """Return the storage account's name; nothing else of the connection string is shown."""
    connection = _connection(settings)
    named = connection.get("AccountName") or _host(connection.get("BlobEndpoint", ""))
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
    """Return the host that recognises the second of speech: usually Fast Transcription."""
    if settings.speech != "azure":
        return ""
    conversation = settings.speech_engine == "conversation"
    address = settings.speech_endpoint
    if not conversation:
        address = settings.fast_endpoint or address
    kind = "stt.speech" if conversation else "api.cognitive"
    return _host(address) or f"{settings.speech_region}.{kind}.microsoft.com"


def _project(settings: Settings) -> str:
    """Return the Firebase project: its setting, or the name in the service account and nothing else of it."""
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
    """Return only the host and port of an address."""
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
"""The address to show, and the host, of each dependency that one of our families serves."""
