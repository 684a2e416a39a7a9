"""An installation as an App Service has it: started from nothing but its environment, checked, and broken."""

import base64
import os
from pathlib import Path

import httpx
import pytest

from tests.azure.installing import *  # noqa: F403 - fixtures are found by name
from tests.azure.installing import therapy
from tests.emulators.faults import Fault
from tests.emulators.fcm import FakeFcm
from tests.emulators.processes import free_port
from tests.test_config import CANARY, EARLIER
from therapy.entrypoints.cli.server import running_server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("valkey")]


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
    checked = therapy(environment | {"FLASK_SECRET_KEY": CANARY}, tmp_path, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name in ("stores", "recordings", "speech", "sentiment", "notices", "doorbell"):
        assert name in checked.stdout
    assert checked.stdout.count("│ ok") == 6
    assert "FLASK_SECRET_KEY is no longer needed" in checked.stdout


def test_each_failure_has_its_cause_and_its_fix_and_hides_no_other(
    environment: dict[str, str], tmp_path: Path, fake_fcm: FakeFcm
) -> None:
    assert therapy(environment, tmp_path, "migrate").returncode == 0
    fake_fcm.add(Fault("/token", status=401, times=None))
    wrong = {
        "COSMOS_URI": f"http://127.0.0.1:{free_port()}/",
        "AUDIO_UPLOAD_BLOB_CONTAINER_NAME": "not-there",
        "SPEECH_KEY": base64.b64encode(CANARY.encode()).decode(),
        "TEXT_ANALYTICS_KEY": base64.b64encode(CANARY.encode()).decode(),
        "REDIS_USE_SSL": "true",
    }
    said = therapy(environment | wrong, tmp_path, "check")
    assert said.returncode == 1
    assert "6 of 6 failed" in said.stderr
    for words in (
        "stores: nothing answers at 127.0.0.1",
        "recordings: the container is missing",
        "speech: the key is not one of a Speech resource in this region",
        "sentiment: the key is not one of this Language resource",
        "notices: Google does not take the service account's key",
        "doorbell: TLS is on, and this port does not speak it",
        "6380",
        "10000",
    ):
        assert words in said.stdout, said.stdout
