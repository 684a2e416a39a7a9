"""Each family keeps what `ports.attempt_limits` promises."""

from therapy.testing.attempt_limits import *  # noqa: F403 - the promises, as they are shipped
