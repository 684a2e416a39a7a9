"""Azure Speech as an installation uses it: what `therapy check` says, one identity, the longest recording."""

from __future__ import annotations

import pytest

from tests.emulators.fast import FakeFast
from tests.emulators.faults import Fault
from tests.emulators.speech import FakeSpeech
from therapy.adapters.azure.credentials import machine_identity
from therapy.config import read_settings
from therapy.entrypoints.cli.check import check_each, failed
from therapy.wiring import longest_ms
from therapy.wiring.dependency_checks import dependencies

MINUTE = 60_000
AZURE = {"SPEECH_KEY": "a key", "SPEECH_REGION": "westeurope"}


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["fast", "conversation"])
async def test_an_engine_that_does_not_let_us_in_is_named_although_the_other_one_does(
    fake_fast: FakeFast, fake_speech: FakeSpeech, broken: str
) -> None:
    fake = fake_fast if broken == "fast" else fake_speech
    fake.add(Fault(on="*", status=401, times=None))
    settings = fake_speech.settings() | fake_fast.settings() | {"SPEECH_LANGUAGE": "en-US"}
    listed = dependencies(read_settings(settings, {"speech"}))
    checked = await check_each([each for each in listed if each.name == "speech"])
    assert [each.dependency.label for each in checked] == ["speech (fast)", "speech (conversation)"]
    assert failed(checked) == f"1 of 2 failed: speech ({broken})"


async def test_the_identity_is_one_object_for_all_who_use_it_and_closed_by_the_last() -> None:
    async with machine_identity() as first:
        async with machine_identity() as second:
            assert second is first
        async with machine_identity() as third:
            assert third is first
    async with machine_identity() as later:
        assert later is not first


@pytest.mark.parametrize(
    ("more", "minutes"),
    [
        ({}, 240),
        ({"THERAPY_MAX_RECORDING_SECONDS": "36000"}, 240),
        ({"THERAPY_MAX_RECORDING_SECONDS": "3600"}, 60),
        ({"THERAPY_SPEECH_ENGINE": "fast"}, 115),
        ({"THERAPY_SPEECH_ENGINE": "fast", "THERAPY_FAST_MAX_SECONDS": "6000"}, 100),
        ({"THERAPY_CONVERSATION_MAX_SECONDS": "12000"}, 200),
    ],
)
def test_a_recording_may_not_be_longer_than_an_engine_hears(
    more: dict[str, str], minutes: int
) -> None:
    assert longest_ms(read_settings(AZURE | more, {"speech"})) == minutes * MINUTE
