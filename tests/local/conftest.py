"""One recognised demo for all tests of this folder, and no more threads than the child has."""

import asyncio
import os

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is first imported


@pytest.fixture(scope="session")
def demo_events(tmp_path_factory):
    """The whole demo, recognised once."""
    from tests import media
    from tests.local.watched_speech import heard

    return asyncio.run(heard(media.demo_pcm(), tmp_path_factory.mktemp("models")))
