"""Each family keeps what `ports.mail` promises."""

from therapy.testing.mail import *  # noqa: F403 - the promises, as they are shipped
