"""The mail server of the emulators, for the tests of the adapter."""

from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name
