"""Each family keeps what `ports.speech` promises."""

import pytest

# The adapter imports these when it first recognises something. In a new checkout pytest rewrites them then,
# and Python 3.11's parser fails if another thread parses, too ("AST constructor recursion depth mismatch").
from therapy.adapters.azure.speech import conversation, fast_transcription  # noqa: F401 - see above
from therapy.testing.speech import *  # noqa: F403 - the promises, as they are shipped

pytestmark = pytest.mark.slow
