"""What `ports.store` promises, in eight parts; `from therapy.testing.store import *` runs them all."""

from therapy.testing.store.bounds import *  # noqa: F403 - the promises
from therapy.testing.store.checks import *  # noqa: F403 - the promises
from therapy.testing.store.due import *  # noqa: F403 - the promises
from therapy.testing.store.expiry import *  # noqa: F403 - the promises
from therapy.testing.store.lag import *  # noqa: F403 - the promises
from therapy.testing.store.machine import *  # noqa: F403 - the promises
from therapy.testing.store.partition import *  # noqa: F403 - the promises
from therapy.testing.store.races import *  # noqa: F403 - the promises
