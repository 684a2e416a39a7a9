"""Each family keeps what `ports.push` promises."""

from therapy.testing.push import *  # noqa: F403 - the promises, as they are shipped
