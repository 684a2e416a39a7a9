"""Each family keeps what `ports.store` promises: partition."""

from therapy.testing.store.partition import *  # noqa: F403 - the promises, as they are shipped
