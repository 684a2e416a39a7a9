"""What `ports.speech` promises, once for each engine of Azure Speech: in tests/contract one is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.azure.speech_fakes import an_access
from tests.emulators.fast import FakeFast
from tests.emulators.speech import FakeSpeech
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine
from therapy.testing.speech import *  # noqa: F403 - the promises, as they are shipped

pytestmark = pytest.mark.slow


@pytest.fixture(params=["conversation", "fast"])
def speech(
    request: pytest.FixtureRequest, tmp_path: Path, fake_speech: FakeSpeech, fake_fast: FakeFast
) -> AzureSpeech:
    fake_speech.listens = fake_fast.listens = True
    access = an_access(fake_speech, fake_fast)
    return AzureSpeech(access, engine=Engine(request.param), directory=tmp_path)
