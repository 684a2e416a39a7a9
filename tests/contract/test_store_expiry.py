"""Each family keeps what `ports.store` promises: expiry."""

from therapy.testing.store.expiry import *  # noqa: F403 - the promises, as they are shipped
