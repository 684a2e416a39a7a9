"""The emulators as session fixtures. A conftest takes them by `from tests.emulators.fixtures import *`.

Each test gets its emulator with no faults and all counts at nought, so tests of one emulator must not run
beside each other in one process; across processes every pytest-xdist worker has its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.emulators.azurite import Azurite
from tests.emulators.cosmos import Cosmos
from tests.emulators.processes import Missing, find_node

__all__ = ["azurite", "cosmos", "cosmos_server", "require_node"]


def require_node() -> str:
    """The node to run; without one, skip here with the reason, and fail in CI."""
    try:
        return find_node()
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run everything: {missing}")
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Blob storage; use a container of your own per test."""
    require_node()
    with Azurite() as running:
        yield running


@pytest.fixture(scope="session")
def cosmos_server() -> Iterator[Cosmos]:
    require_node()
    with Cosmos() as running:
        yield running


@pytest.fixture
def cosmos(cosmos_server: Cosmos) -> Cosmos:
    """Cosmos without faults and with its counts at nought; use a database of your own per test."""
    cosmos_server.clear()
    return cosmos_server
