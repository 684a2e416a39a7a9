"""Each family keeps what `ports.speech` promises."""

import pytest

from therapy.testing.speech import *  # noqa: F403 - the promises, as they are shipped

pytestmark = pytest.mark.slow
