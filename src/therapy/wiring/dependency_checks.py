"""Checks each dependency by itself: opened, called through its port, closed. One's failure hides no other's.

For `therapy check` and `therapy migrate`, which have to say something where `open_therapy` would fail at
the first.
"""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from typing import Literal

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
from therapy.wiring.dependency_addresses import ADDRESSES
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
        opened = await open_stores(settings, prepare(data_dir), stack, make=False)
        return _closest(opened.store, opened.check)

    async def recordings(stack: AsyncExitStack) -> Check:
        return _closest(*await open_recordings(settings, prepare(data_dir), stack, make=False))

    async def sentiment(stack: AsyncExitStack) -> Check:
        opened, _ = await open_language(settings, stack)
        return _closest(opened, partial(opened.score, NOBODY, [SENTENCE], "en"))

    async def insights(stack: AsyncExitStack) -> Check:
        _, opened = await open_language(settings, stack)
        return _closest(opened, partial(_find, opened))

    async def push(stack: AsyncExitStack) -> Check:
        opened = await open_push(settings, data_dir, stack)
        device = Device(NOBODY, NOBODY, NOBODY, NOBODY, "ANDROID", datetime.now(UTC))
        message = PushMessage(NOBODY, PushKind.SESSION_READY, "-", "-", "")
        return _closest(opened, partial(opened.send, NOBODY, device, message))

    async def mail(stack: AsyncExitStack) -> Check:
        return _closest(*await open_mail(settings, data_dir, stack))

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


def _closest(adapter: object, otherwise: Check) -> Check:
    """Return what asks an adapter's `check` and then its `examine`; `otherwise` if it has neither."""
    if not isinstance(adapter, SupportsExamine):
        return check_of(adapter, otherwise)
    check, examine = check_of(adapter), adapter.examine

    async def both() -> tuple[str, ...]:
        await check()
        return await examine()

    return both


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
        return _closest(opened, partial(_listen, opened, settings.speech_languages))

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
    where, host = ADDRESSES[name](settings)
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
