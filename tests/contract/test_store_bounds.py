"""Each family keeps what `ports.store` promises: bounds."""

from therapy.testing.store.bounds import *  # noqa: F403 - the promises, as they are shipped
