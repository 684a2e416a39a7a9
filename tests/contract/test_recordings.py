"""Each family keeps what `ports.recordings` promises."""

from therapy.testing.recordings import *  # noqa: F403 - the promises, as they are shipped
