"""An installation as an App Service has it: started from nothing but its environment, checked, and broken."""

import base64
import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from tests.azure.installing import *  # noqa: F403 - fixtures are found by name
from tests.azure.installing import therapy
from tests.emulators.cosmos import Cosmos
from tests.emulators.fast import FakeFast
from tests.emulators.faults import Fault
from tests.emulators.fcm import FakeFcm
from tests.emulators.processes import free_port
from tests.test_config import CANARY, EARLIER
from tests.test_role_imports import RECOGNITION, TERMINAL, imported
from therapy.entrypoints.cli.own_server import running_server

pytestmark = [pytest.mark.slow, pytest.mark.emulator]


def test_an_app_service_of_the_earlier_generation_starts_with_nothing_changed(
    emulated: dict[str, str], tmp_path: Path
) -> None:
    environment = EARLIER | {name: emulated[name] for name in EARLIER.keys() & emulated.keys()}
    environment |= {"PORT": str(free_port()), "PATH": os.environ["PATH"]}
    assert set(environment) == {*EARLIER, "PATH"}
    with running_server(tmp_path, environment, "--host", "127.0.0.1") as server:
        assert server.url.endswith(f":{environment['PORT']}")
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        nobody = {"email": "nobody@example.health", "password": "not a password"}
        assert httpx.post(f"{server.url}/auth/login", json=nobody).status_code == 401
    log = server.log.read_text()
    assert CANARY not in log
    assert environment["COSMOS_KEY"] not in log


def test_what_is_missing_is_made_and_then_everything_answers(
    environment: dict[str, str], tmp_path: Path
) -> None:
    before = therapy(environment, tmp_path, "check")
    assert before.returncode == 1
    assert "therapy migrate" in before.stdout
    made = therapy(environment, tmp_path, "migrate")
    assert made.returncode == 0, made.stderr
    assert environment["COSMOS_DATABASE_NAME"] in made.stdout
    again = therapy(environment, tmp_path, "migrate")
    assert again.stdout == made.stdout
    mistaken = {"FLASK_SECRET_KEY": CANARY, "THERAPY_STORE": CANARY}
    checked = therapy(environment | mistaken, tmp_path, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name in (
        *("stores", "recordings", "speech", "sentiment", "insights", "push", "mail", "doorbell"),
    ):
        assert f"│ {name} " in checked.stdout
    assert checked.stdout.count("│ ok") == 9
    assert "No mail is sent" not in checked.stdout
    assert "FLASK_SECRET_KEY is no longer needed" in checked.stdout
    assert "THERAPY_STORE is not a setting; did you mean THERAPY_STORES?" in checked.stdout


def test_each_failure_has_its_cause_and_its_fix_and_hides_no_other(
    migrated: dict[str, str], tmp_path: Path, fake_fcm: FakeFcm
) -> None:
    fake_fcm.add(Fault("/token", status=401, times=None))
    wrong = {
        "COSMOS_URI": f"http://127.0.0.1:{free_port()}/",
        "AUDIO_UPLOAD_BLOB_CONTAINER_NAME": "not-there",
        "SPEECH_KEY": base64.b64encode(CANARY.encode()).decode(),
        "TEXT_ANALYTICS_KEY": base64.b64encode(CANARY.encode()).decode(),
        "REDIS_USE_SSL": "true",
        "THERAPY_SMTP_PASSWORD": CANARY,
    }
    said = therapy(migrated | wrong, tmp_path, "check")
    assert said.returncode == 1
    assert "9 of 9 failed" in said.stderr
    for words in (
        "stores: nothing answers at 127.0.0.1",
        "recordings: the container is missing",
        "speech (fast): the key is not that of a Speech resource in this region",
        "speech (conversation): the key is not that of a Speech resource in this region",
        "sentiment: the key is not one of this Language resource",
        "insights: the key is not one of this Language resource",
        "push: Google rejects the service account's key",
        "mail: it does not accept this username with this password",
        "doorbell: TLS is on, but this port does not use it",
        "6380",
        "10000",
    ):
        assert words in said.stdout, said.stdout


def test_letters_that_nobody_would_read_are_a_remark(
    migrated: dict[str, str], tmp_path: Path
) -> None:
    said = therapy(migrated | {"THERAPY_MAIL": "local"}, tmp_path, "check")
    assert said.returncode == 0, said.stdout
    assert "No mail is sent" in said.stdout
    assert str(tmp_path / "data" / "mailbox") in said.stdout
    assert "THERAPY_SMTP_HOST" in said.stdout
    assert "│ mail" not in said.stdout


def test_who_may_not_make_containers_learns_who_may_and_what_else_was_made(
    environment: dict[str, str], tmp_path: Path, cosmos: Cosmos
) -> None:
    words = "The given request [POST /dbs] cannot be authorized by AAD token in data plane."
    cosmos.add(Fault("make", status=403, message=words, times=None))
    said = therapy(environment, tmp_path, "migrate")
    assert said.returncode == 1
    assert "1 of 2 failed: stores" in said.stderr
    assert "stores: we may not create or change databases and containers" in said.stdout
    assert "COSMOS_KEY" in said.stdout
    assert "Try again in a moment" not in said.stdout + said.stderr
    cosmos.clear()
    checked = therapy(environment, tmp_path, "check")
    assert "1 of 9 failed: stores" in checked.stderr  # so the recordings' container was made


def test_what_fast_transcription_refuses_has_its_likely_causes(
    migrated: dict[str, str], tmp_path: Path, fake_fast: FakeFast
) -> None:
    for status, words in ((404, "THERAPY_SPEECH_ENGINE=conversation"), (400, "SPEECH_LANGUAGE")):
        fake_fast.add(Fault("transcribe", status=status))
        said = therapy(migrated, tmp_path, "check")
        assert "1 of 9 failed: speech (fast)" in said.stderr
        assert words in said.stdout
    conversation = migrated | {"THERAPY_SPEECH_ENGINE": "conversation"}
    assert therapy(conversation, tmp_path, "check").returncode == 0


def test_a_clock_that_is_wrong_is_seen_in_what_cosmos_answers(
    environment: dict[str, str], tmp_path: Path, cosmos: Cosmos
) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    cosmos.add(Fault("meta", status=401, headers={"Date": date}, times=None))
    said = therapy(environment, tmp_path, "check")
    assert "stores: this machine's clock is wrong" in said.stdout


def test_an_api_process_imports_neither_the_engines_nor_firebase(
    migrated: dict[str, str], tmp_path: Path
) -> None:
    found = imported("api", migrated, tmp_path)
    engines = {"azure.cognitiveservices", "azure.ai", "firebase_admin", "google.auth"}
    assert found & (engines | RECOGNITION | TERMINAL) == set()
    assert found >= {"azure.cosmos", "azure.storage.blob", "redis"}
