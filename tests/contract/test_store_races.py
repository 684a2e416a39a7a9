"""Each family keeps what `ports.store` promises: races."""

from therapy.testing.store.races import *  # noqa: F403 - the promises, as they are shipped
