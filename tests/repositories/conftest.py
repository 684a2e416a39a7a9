"""Records over the stores of each family in turn: every suite of this folder runs on all of them."""

import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.contract.stores import *  # noqa: F403 - fixtures are found by name
from tests.contract.stores import OpenedStores
from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name
from therapy.ports.store import Store
from therapy.repositories.records import Records
from therapy.testing.clock import Clock


@pytest.fixture
def records(store: Store, clock: Clock) -> Records:
    """Records that leave what follows to the sweep; ids count up from 1."""
    numbers = itertools.count(1)
    return Records(store, now=clock, new_id=lambda: f"id-{next(numbers)}")


@pytest_asyncio.fixture(loop_scope="module")
async def replica(stores: OpenedStores, clock: Clock) -> AsyncIterator[Records]:
    """The same records in another process."""
    numbers = itertools.count(1)
    async with stores.another() as store:
        yield Records(store, now=clock, new_id=lambda: f"other-{next(numbers)}")
