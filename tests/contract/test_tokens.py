"""Each family keeps what `ports.tokens` promises."""

from therapy.testing.tokens import *  # noqa: F403 - the promises, as they are shipped
