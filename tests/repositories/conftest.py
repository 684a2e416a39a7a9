"""Records over the stores of each family in turn: every suite of this folder runs on all of them."""

import itertools

import pytest

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


@pytest.fixture
def replica(stores: OpenedStores, clock: Clock) -> Records:
    """The same records in another process."""
    numbers = itertools.count(1)
    return Records(stores.replica, now=clock, new_id=lambda: f"other-{next(numbers)}")
