"""The first minute of the demo, recognised once for this folder; no more threads than the child has."""

import asyncio
import os

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is first imported


@pytest.fixture(scope="session")
def demo_events(tmp_path_factory):
    """The demo's first minute, recognised once; `tests/cli/test_demo.py` hears all of it."""
    from tests import media
    from tests.local.watched_speech import FIRST_MINUTE, heard

    samples = media.excerpt(0, FIRST_MINUTE)
    return asyncio.run(heard(samples, tmp_path_factory.mktemp("models")))
