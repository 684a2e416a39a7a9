"""What `ports.recordings` promises, in three parts; `from therapy.testing.recordings import *` runs all."""

from therapy.testing.recordings.optional import *  # noqa: F403 - the promises
from therapy.testing.recordings.playback_links import *  # noqa: F403 - the promises
from therapy.testing.recordings.uploads import *  # noqa: F403 - the promises
