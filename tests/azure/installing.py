"""What tests of a whole installation share: the environment that leads it to the emulators, its commands."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import forked
from tests.emulators.azurite import Azurite
from tests.emulators.cosmos import Cosmos
from tests.emulators.fast import FakeFast
from tests.emulators.fcm import FakeFcm
from tests.emulators.language import FakeLanguage
from tests.emulators.smtp import FakeSmtp
from tests.emulators.speech import FakeSpeech
from tests.emulators.valkey import Valkey
from tests.test_config import CANARY

__all__ = ["emulated", "environment", "migrated"]

SECRETS = [
    "COSMOS_KEY",
    "SPEECH_KEY",
    "TEXT_ANALYTICS_KEY",
    "REDIS_PASSWORD",
    "THERAPY_SMTP_PASSWORD",
]

MIGRATED: set[str] = set()
"""Addresses of the Cosmos on which the installation `migrated` has been made."""


@pytest.fixture
def emulated(  # noqa: PLR0917 - pytest gives them by name
    azurite: Azurite,
    cosmos: Cosmos,
    valkey: Valkey,
    fake_speech: FakeSpeech,
    fake_fast: FakeFast,
    fake_language: FakeLanguage,
    fake_fcm: FakeFcm,
    fake_smtp: FakeSmtp,
) -> dict[str, str]:
    """The settings that lead to all emulators."""
    settings: dict[str, str] = {}
    clouds = (azurite, cosmos, valkey, fake_speech, fake_fast, fake_language, fake_fcm, fake_smtp)
    for each in clouds:
        settings |= each.settings()
    return settings | {"COSMOS_DATABASE_NAME": f"installed{os.urandom(4).hex()}"}


@pytest.fixture
def environment(emulated: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A whole installation, whose SDKs all end on this machine."""
    return emulated | {
        "PATH": os.environ["PATH"],
        "COLUMNS": "200",
        "THERAPY_DATA_DIR": str(tmp_path / "data"),
        "SPEECH_LANGUAGE": "en-US",
        "PORT": "0",
    }


@pytest.fixture
def migrated(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same after `therapy migrate`, which one test of a process runs and the others find done."""
    settings = environment | {"COSMOS_DATABASE_NAME": "installedonce"}
    if settings["COSMOS_URI"] not in MIGRATED:
        assert therapy(settings, tmp_path, "migrate").returncode == 0
        MIGRATED.add(settings["COSMOS_URI"])
    return settings


def therapy(
    environment: dict[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    said = forked.run_therapy(*arguments, environment=environment, folder=folder)
    for output in (said.stdout, said.stderr):
        assert CANARY not in output
        for name in SECRETS:
            assert not environment.get(name) or environment[name] not in output, name
        assert "PRIVATE KEY" not in output
        assert "AccountKey" not in output
        assert "Traceback" not in output
    return said
