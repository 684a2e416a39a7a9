"""Each family keeps what `ports.recordings` promises."""

from therapy.testing.recordings.optional import *  # noqa: F403 - the promises, as they are shipped
from therapy.testing.recordings.playback_links import *  # noqa: F403 - the promises, as they are shipped
from therapy.testing.recordings.uploads import *  # noqa: F403 - the promises, as they are shipped
