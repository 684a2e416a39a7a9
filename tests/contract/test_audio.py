"""Each family keeps what `ports.audio` promises."""

from therapy.testing.audio import *  # noqa: F403 - the promises, as they are shipped
