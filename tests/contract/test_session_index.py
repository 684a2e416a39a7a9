"""Each family keeps what `ports.session_index` promises."""

from therapy.testing.session_index import *  # noqa: F403 - the promises, as they are shipped
