"""Plugins: adapters of other projects are found, opened, checked against their port, and named in faults."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.plugin_packages import put_package
from therapy.adapters.memory.insights import MemoryInsightFinder
from therapy.adapters.memory.mail import MemoryMail
from therapy.adapters.memory.people_index import MemoryPeopleIndex
from therapy.adapters.memory.push import MemoryPushSender
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.session_index import MemorySessionIndex
from therapy.adapters.memory.store import MemoryStore
from therapy.config import FAMILIES, GROUPS, Settings, SettingsError, read_settings, unknown
from therapy.domain.errors import Unavailable
from therapy.entrypoints.cli.check import check_each
from therapy.ports.store import Store
from therapy.wiring import Ports, open_engines, open_therapy
from therapy.wiring.adapters import open_speech
from therapy.wiring.dependency_checks import dependencies
from therapy.wiring.stores import utc_now

SAYS = {"ECHO_SPEECH_SAYS": "Hello.", "OTHER_SAYS": "no", "ECHO_SPEECHES": "no"}
NAMED = {
    "echo": "echo_speech:open_speech",
    "plain": "echo_speech:plain",
    "extra": "echo_speech:open_speech [loud]",
    "nothing": "echo_speech:nothing",
    "broken": "echo_speech:broken",
    "away": "echo_speech:away",
    "text": "echo_speech:NO_FACTORY",
    "gone": "echo_speech:no_such_thing",
    "no-module": "echo_speech.nowhere:open_speech",
    "local": "echo_speech:nothing",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path; what is imported from it is forgotten."""
    path = tmp_path / "site"
    path.mkdir()
    monkeypatch.syspath_prepend(path)
    yield path
    sys.modules.pop("echo_speech", None)


@pytest.fixture
def echo(folder: Path) -> Path:
    put_package(folder, {"therapy.speech": NAMED, "therapy.mail": {"letters": "echo_speech:plain"}})
    return folder


def speech_settings(named: str, **environment: str) -> Settings:
    return read_settings({"THERAPY_SPEECH": named} | environment, ("speech",))


async def opened(named: str, **environment: str) -> object:
    async with AsyncExitStack() as stack:
        return await open_speech(speech_settings(named, **environment), stack)


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("named", ["echo", "extra", "echo_speech:open_speech"])
async def test_a_plugin_serves_its_port_and_is_closed_with_the_installation(named: str) -> None:
    async with open_engines(speech_settings(named, **SAYS)) as engines:
        import echo_speech

        assert engines.speech in echo_speech.OPEN
    assert echo_speech.OPEN == []


@pytest.mark.usefixtures("echo")
async def test_a_plugin_gets_the_names_of_its_own_prefix_and_no_others() -> None:
    secrets = {"JWT_SECRET_KEY": "x" * 40, "SPEECH_KEY": "k"}
    speech = await opened("echo", **SAYS, **secrets)
    assert speech.environment == {"ECHO_SPEECH_SAYS": "Hello."}  # type: ignore[attr-defined] # the test's own class


@pytest.mark.usefixtures("echo")
async def test_a_plain_callable_that_returns_the_adapter_is_a_factory() -> None:
    assert type(await opened("plain")).__name__ == "MemorySpeech"


@pytest.mark.usefixtures("echo")
def test_a_family_of_ours_keeps_its_name() -> None:
    assert speech_settings("local").plugin_environment == {}


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("nothing", "its factory gave a builtins.object, no therapy.ports.speech.Speech"),
        ("broken", "its factory raised ValueError"),
        ("echo", "ECHO_SPEECH_SAYS is missing"),
        ("text", "echo_speech:NO_FACTORY is a builtins.str, no factory"),
        ("gone", "echo_speech:no_such_thing can't be loaded: AttributeError"),
        ("no-module", "there is no module echo_speech.nowhere"),
    ],
)
async def test_what_can_not_be_used_is_named_with_its_package_and_why(named: str, why: str) -> None:
    with pytest.raises(SettingsError) as fault:
        await opened(named)
    said = f"THERAPY_SPEECH: the plugin {named} (echo-speech 1.2) can't be used: {why}"
    assert str(fault.value) == said
    assert "c4n4ry" not in str(fault.value)


@pytest.mark.usefixtures("echo")
async def test_an_error_of_the_domain_stays_what_it_is() -> None:
    with pytest.raises(Unavailable):
        await opened("away")


async def test_a_module_that_no_package_owns_is_named_by_itself() -> None:
    with pytest.raises(
        SettingsError, match=r"the plugin no_such_place.at_all:x can't be used: there is"
    ):
        await opened("no_such_place.at_all:x")


@pytest.mark.parametrize("text", ["nobody", "a.b.c", "a:b:c", "echo speech", ":x", "x:"])
def test_a_name_that_nobody_has_is_a_fault_that_says_what_there_is(text: str) -> None:
    with pytest.raises(SettingsError) as fault:
        speech_settings(text)
    (line,) = str(fault.value).splitlines()[1:]
    assert "THERAPY_SPEECH must be one of auto, local, azure, or the package.module:factory" in line
    assert "(no plugin is installed for it)" in line


@pytest.mark.usefixtures("echo")
def test_the_fault_lists_what_is_installed_for_the_port() -> None:
    with pytest.raises(
        SettingsError, match="one of auto, local, azure, away, broken, echo, extra, gone,"
    ):
        speech_settings("nobody")


@pytest.mark.usefixtures("echo")
def test_a_plugin_of_another_port_is_not_found() -> None:
    with pytest.raises(SettingsError, match="THERAPY_SPEECH must be one of"):
        speech_settings("letters")


@pytest.mark.usefixtures("echo")
def test_two_packages_with_one_name_are_a_fault_that_names_both(folder: Path) -> None:
    put_package(folder, {"therapy.speech": {"echo": "echo_again:f"}}, name="echo-again")
    with pytest.raises(SettingsError, match=r"echo \(echo-again 1.2\), echo \(echo-speech 1.2\)"):
        speech_settings("echo")
    assert speech_settings("plain").speech == "plain"


@pytest.mark.usefixtures("echo")
def test_a_reference_of_a_plugin_that_was_not_followed_is_named() -> None:
    with pytest.raises(SettingsError, match="ECHO_SPEECH_KEY is a Key Vault reference"):
        speech_settings("echo", ECHO_SPEECH_KEY="@Microsoft.KeyVault(SecretUri=https://v/s)")


@pytest.mark.usefixtures("echo")
def test_no_secret_of_a_plugin_is_in_a_picture_of_the_settings() -> None:
    assert "c4n4ry" not in repr(speech_settings("echo", ECHO_SPEECH_KEY="c4n4ry"))


def test_the_settings_of_an_installed_plugin_are_no_mistyped_ones(folder: Path) -> None:
    names = {"THERAPY_WORDS_KEY": "", "THERAPY_WORD_KEY": ""}
    assert [name for name, _ in unknown(names)] == sorted(names)
    put_package(folder, {"therapy.speech": {"w": "therapy_words:f"}}, name="therapy-words")
    assert [name for name, _ in unknown(names)] == ["THERAPY_WORD_KEY"]


class Checked(MemoryMail):
    """Mail that can say whether its server is there."""

    def __init__(self, _: object) -> None:
        super().__init__()

    async def check(self) -> None:
        raise Unavailable(reason="asked")


def a_store(_: object) -> tuple[object, ...]:
    return MemoryStore(utc_now), MemorySessionIndex(), MemoryPeopleIndex()


def half_a_store(_: object) -> tuple[object, ...]:
    return MemoryStore(utc_now), MemorySessionIndex()


def recordings(_: object) -> object:
    return MemoryRecordings()


@asynccontextmanager
async def sentiment(_: object) -> AsyncIterator[MemorySentiment]:
    yield MemorySentiment()


def insights(_: object) -> object:
    return MemoryInsightFinder()


class CheckedAndExamined(Checked):
    """Mail whose `examine` does not look whether the server is there."""

    async def examine(self) -> tuple[str, ...]:
        return ("Sandbox",)


class Examined(MemoryPushSender):
    """Pushes that can say what should be otherwise with their service."""

    async def examine(self) -> tuple[str, ...]:
        return ("Sandbox",)


def push(_: object) -> object:
    return Examined()


HERE = {
    "stores": "a_store",
    "recordings": "recordings",
    "speech": "",
    "sentiment": "sentiment",
    "insights": "insights",
    "push": "push",
    "mail": "Checked",
}
SETTING_OF = {each.field: each.setting for each in FAMILIES}


@pytest.fixture
def whole(folder: Path, tmp_path: Path) -> Settings:
    """An installation all of whose ports are served by plugins of one package."""
    code = "from tests.test_plugins import *\nfrom therapy.adapters.memory.speech import MemorySpeech\n"
    put_package(folder, {}, code=code + "def speech(_): return MemorySpeech()\n")
    names = {SETTING_OF[field]: f"echo_speech:{name or 'speech'}" for field, name in HERE.items()}
    return read_settings(names | {"THERAPY_DATA_DIR": str(tmp_path / "data")})


async def test_every_port_with_a_group_can_be_served_by_a_plugin(whole: Settings) -> None:
    assert HERE.keys() == GROUPS.keys()
    mail = []

    def noted(ports: Ports) -> Ports:
        mail.append(ports.mail)
        return ports

    async with open_therapy(whole, noted) as therapy:
        here = therapy.installation
        kinds = [type(each).__name__ for each in (here.recordings, *mail)]
        kinds += [type(each).__name__ for each in (here.session_index, here.people_index)]
        kinds += [type(here.engines.sentiment).__name__, type(here.engines.insights).__name__]
        await therapy.checks["stores"]()
    assert kinds == [
        "MemoryRecordings",
        "Checked",
        "MemorySessionIndex",
        "MemoryPeopleIndex",
        "MemorySentiment",
        "MemoryInsightFinder",
    ]


async def test_each_plugin_is_listed_and_examined_or_asked_by_its_own_check_or_through_its_port(
    whole: Settings,
) -> None:
    listed = {each.name: each for each in dependencies(whole)}
    assert listed.keys() == GROUPS.keys()
    for name, each in listed.items():
        assert (each.where, each.host) == ("echo-speech 1.2", "")
        async with AsyncExitStack() as stack:
            ask = await each.open(stack)
            if name == "mail":
                with pytest.raises(Unavailable):
                    await ask()
            elif name == "push":
                assert await ask() == ("Sandbox",)
            else:
                await ask()


async def test_a_plugin_is_checked_before_it_is_examined(folder: Path) -> None:
    put_package(folder, {}, code="from tests.test_plugins import CheckedAndExamined\n")
    settings = read_settings({"THERAPY_MAIL": "echo_speech:CheckedAndExamined"})
    (checked,) = await check_each([each for each in dependencies(settings) if each.name == "mail"])
    assert checked.finding is not None
    assert checked.finding.kinds == "unavailable reason=asked"
    assert checked.warnings == ()


async def test_a_store_without_its_indexes_is_refused(folder: Path) -> None:
    put_package(folder, {}, code="from tests.test_plugins import half_a_store\n")
    settings = read_settings({"THERAPY_STORES": "echo_speech:half_a_store"})
    (stores,) = [each for each in dependencies(settings) if each.name == "stores"]
    with pytest.raises(
        SettingsError, match=r"a builtins.tuple, no tuple of a Store, a SessionIndex and"
    ):
        async with AsyncExitStack() as stack:
            await stores.open(stack)
    assert issubclass(MemoryStore, Store)


def test_insights_go_with_sentiment_unless_somebody_says_otherwise() -> None:
    azure = {"TEXT_ANALYTICS_ENDPOINT": "https://a.example", "TEXT_ANALYTICS_KEY": "k"}
    for given, wanted in (
        ({}, ("local", "local")),
        (azure, ("azure", "azure")),
        (azure | {"THERAPY_SENTIMENT": "local"}, ("local", "local")),
        (azure | {"THERAPY_INSIGHTS": "local"}, ("azure", "local")),
        (azure | {"THERAPY_SENTIMENT": "a.b:c"}, ("a.b:c", "azure")),
        ({"THERAPY_SENTIMENT": "a.b:c"}, ("a.b:c", "local")),
    ):
        settings = read_settings(given, ("sentiment", "insights"))
        assert (settings.sentiment, settings.insights) == wanted
