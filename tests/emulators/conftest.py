"""The emulators, for their own tests."""

from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name
