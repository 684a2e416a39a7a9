"""Where trials take place, with emulators for those that need them."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.chaos.trials import Laboratory
from tests.emulators.azurite import Azurite
from tests.emulators.cosmos import Cosmos
from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """Places on this machine; what scenarios begin with is made once for a file's tests."""
    return Laboratory(Path(tmp_path_factory.mktemp("chaos")))


@pytest.fixture(scope="module")
def cloud_laboratory(
    tmp_path_factory: pytest.TempPathFactory, cosmos_server: Cosmos, azurite: Azurite
) -> Iterator[Laboratory]:
    """Places in emulators of Azure; what scenarios begin with is made once for a file's tests."""
    pytest.importorskip("azure.cosmos", reason="the extra [azure] is not installed")
    cosmos_server.clear()
    cloud = SimpleNamespace(cosmos=cosmos_server, azurite=azurite)
    yield Laboratory(Path(tmp_path_factory.mktemp("chaos")), cloud)
    cosmos_server.forget()
    azurite.forget()
