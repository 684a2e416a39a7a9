"""Each family keeps what `ports.insights` promises."""

from therapy.testing.insights import *  # noqa: F403 - the promises, as they are shipped
