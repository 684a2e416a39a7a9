"""Each family keeps what `ports.store` promises: lag."""

from therapy.testing.store.lag import *  # noqa: F403 - the promises, as they are shipped
