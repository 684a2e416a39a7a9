"""Each family keeps what `ports.people_index` promises."""

from therapy.testing.people_index import *  # noqa: F403 - the promises, as they are shipped
