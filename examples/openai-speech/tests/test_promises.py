"""The adapter keeps what `therapy.ports.speech` promises, with a recogniser that really listens."""

from therapy.testing.speech import *  # noqa: F403 - the promises
