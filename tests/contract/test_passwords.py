"""Each family keeps what `ports.passwords` promises."""

from therapy.testing.passwords import *  # noqa: F403 - the promises, as they are shipped
