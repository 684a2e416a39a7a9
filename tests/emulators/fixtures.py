"""The emulators as fixtures. A conftest takes them by `from tests.emulators.fixtures import *`.

A server runs until its process ends, whichever conftest asked for it first; each test gets it without
faults, scripts and counts. So tests of one emulator must not run beside each other in one process; every
pytest-xdist worker has its own. What an emulator needs and lacks is a reason to skip on a developer's
machine and a failure in CI.
"""

from __future__ import annotations

import atexit
import functools
import os
from typing import TYPE_CHECKING, NoReturn, TypeVar

import pytest

from tests.emulators.azurite import Azurite
from tests.emulators.cosmos import Cosmos
from tests.emulators.processes import find_node
from tests.emulators.running import Missing, Running
from tests.emulators.valkey import Valkey

if TYPE_CHECKING:  # these need the azure or http extra, and are imported where they are used
    from tests.emulators.fast import FakeFast
    from tests.emulators.fcm import FakeFcm
    from tests.emulators.language import FakeLanguage
    from tests.emulators.smtp import FakeSmtp
    from tests.emulators.speech import FakeSpeech

__all__ = [
    "azurite",
    "cosmos",
    "cosmos_server",
    "fake_fast",
    "fake_fcm",
    "fake_language",
    "fake_smtp",
    "fake_speech",
    "require_node",
    "valkey",
    "valkey_server",
]

AnyRunning = TypeVar("AnyRunning", bound=Running)


def excuse(missing: Missing) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run everything: {missing}")
    pytest.skip(str(missing))


def require_node() -> str:
    """The node to run; without one, skip here with the reason, and fail in CI."""
    try:
        return find_node()
    except Missing as missing:
        excuse(missing)


@functools.cache
def started(kind: type[AnyRunning]) -> AnyRunning:
    emulator = kind().start()
    atexit.register(emulator.stop)
    return emulator


def shared(kind: type[AnyRunning]) -> AnyRunning:
    """The one of its kind in this process; `kind` needs no argument."""
    try:
        return started(kind)
    except Missing as missing:
        excuse(missing)


def fresh(kind: type[AnyRunning]) -> AnyRunning:
    """The same, without what a test before left in it."""
    emulator = shared(kind)
    emulator.clear()
    return emulator


@pytest.fixture(scope="session")
def azurite() -> Azurite:
    """Blob storage; use a container of your own per test."""
    return shared(Azurite)


@pytest.fixture(scope="session")
def cosmos_server() -> Cosmos:
    return shared(Cosmos)


@pytest.fixture
def cosmos(cosmos_server: Cosmos) -> Cosmos:
    """Cosmos; use a database of your own per test."""
    cosmos_server.clear()
    return cosmos_server


@pytest.fixture(scope="session")
def valkey_server() -> Valkey:
    return shared(Valkey)


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """A Valkey that is up; what a test kills is started again for the next. Its data are not cleared."""
    if not valkey_server.alive:
        valkey_server.start()
    return valkey_server


@pytest.fixture
def fake_speech() -> FakeSpeech:
    pytest.importorskip("aiohttp")
    from tests.emulators.speech import FakeSpeech

    return fresh(FakeSpeech)


@pytest.fixture
def fake_fast() -> FakeFast:
    pytest.importorskip("aiohttp")
    from tests.emulators.fast import FakeFast

    return fresh(FakeFast)


@pytest.fixture
def fake_language() -> FakeLanguage:
    pytest.importorskip("aiohttp")
    from tests.emulators.language import FakeLanguage

    return fresh(FakeLanguage)


@pytest.fixture
def fake_fcm() -> FakeFcm:
    pytest.importorskip("aiohttp")
    from tests.emulators.fcm import FakeFcm

    return fresh(FakeFcm)


@pytest.fixture
def fake_smtp() -> FakeSmtp:
    pytest.importorskip("aiosmtpd")
    from tests.emulators.smtp import FakeSmtp

    return fresh(FakeSmtp)
