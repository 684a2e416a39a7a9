"""The fixtures that therapy's promises ask for, and the server that they are tried against."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.local_server import LocalServer, local_server

from openai_speech import OpenAiSpeech, open_speech


@pytest.fixture
async def server() -> AsyncIterator[LocalServer]:
    async with local_server() as running:
        yield running


@pytest.fixture
async def speech(server: LocalServer) -> AsyncIterator[OpenAiSpeech]:
    """The adapter under test, opened as `therapy` opens it."""
    names = {"OPENAI_SPEECH_URL": server.url, "OPENAI_SPEECH_KEY": "a key to try with"}
    async with open_speech(names) as opened:
        yield opened


@pytest.fixture
def cut_off(server: LocalServer) -> Callable[[], None]:
    """What cuts the adapter off from its server."""
    return server.stop
