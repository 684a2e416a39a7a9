"""Each family with an adapter of its own keeps what `ports.passwords` promises; Azure has none."""

import pytest

from therapy.testing.passwords import *  # noqa: F403 - the promises, as they are shipped

pytestmark = pytest.mark.parametrize("family_name", ["memory", "local"])
