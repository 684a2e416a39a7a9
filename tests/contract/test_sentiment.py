"""Each family keeps what `ports.sentiment` promises."""

from therapy.testing.sentiment import *  # noqa: F403 - the promises, as they are shipped
