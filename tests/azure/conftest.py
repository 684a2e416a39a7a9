"""The emulators, for the tests of what only the adapters of Azure do."""

from tests.azure.cosmos_items import *  # noqa: F403 - fixtures are found by name
from tests.azure.cosmos_stores import *  # noqa: F403 - fixtures are found by name
from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name
