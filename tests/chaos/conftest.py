"""Where trials take place, with emulators for those that need them."""

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


@pytest.fixture
def cloud_laboratory(
    tmp_path_factory: pytest.TempPathFactory, cosmos: Cosmos, azurite: Azurite
) -> Laboratory:
    """Places in emulators of Azure."""
    pytest.importorskip("azure.cosmos", reason="the extra [azure] is not installed")
    cloud = SimpleNamespace(cosmos=cosmos, azurite=azurite)
    return Laboratory(Path(tmp_path_factory.mktemp("chaos")), cloud)
