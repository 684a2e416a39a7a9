"""Each family keeps what `ports` promises of a store: checks."""

from therapy.testing.store.checks import *  # noqa: F403 - the promises, as they are shipped
