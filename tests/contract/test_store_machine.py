"""Each family's store under random steps: `STORE_STEPS=5000 pytest -s` on this file takes that many."""

import pytest

from therapy.testing.store.machine import *  # noqa: F403 - the promises, as they are shipped
from therapy.testing.store.machine import SHRINKING, STEPS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SHRINKING + 300 + STEPS)]
