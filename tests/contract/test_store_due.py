"""Each family keeps what `ports.store` promises: due."""

from therapy.testing.store.due import *  # noqa: F403 - the promises, as they are shipped
