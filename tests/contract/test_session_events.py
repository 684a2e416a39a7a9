"""Each family keeps what `ports.session_events` promises."""

from therapy.testing.session_events import *  # noqa: F403 - the promises, as they are shipped
