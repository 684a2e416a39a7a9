"""Each family keeps what `ports.doorbell` promises."""

from therapy.testing.doorbell import *  # noqa: F403 - the promises, as they are shipped
