"""The contract of `ports.speech`, once for each engine of Azure Speech: in the suite itself one is chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.azure.speech_fakes import an_access
from tests.contract.conftest import Family, memory
from tests.contract.test_speech import *  # noqa: F403 - the suite, as it stands
from tests.emulators.fast import FakeFast
from tests.emulators.speech import FakeSpeech
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine

pytestmark = pytest.mark.slow


@pytest.fixture(params=["conversation", "fast"])
async def family(
    request: pytest.FixtureRequest, tmp_path: Path, fake_speech: FakeSpeech, fake_fast: FakeFast
) -> AsyncIterator[Family]:
    fake_speech.listens = fake_fast.listens = True
    async with memory(tmp_path, request.getfixturevalue) as fakes:
        yield replace(
            fakes,
            speech=AzureSpeech(
                an_access(fake_speech, fake_fast),
                engine=Engine(request.param),
                directory=tmp_path,
            ),
        )
