"""Each family with an adapter of its own keeps what `ports.audio` promises; Azure has none."""

import pytest

from therapy.testing.audio import *  # noqa: F403 - the promises, as they are shipped

pytestmark = pytest.mark.parametrize("family_name", ["memory", "local"])
