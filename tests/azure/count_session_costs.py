"""What the services of Azure bill for one session, by the meters of their fakes.

    python -m tests.azure.count_session_costs     writes scripts/session_costs.json, of which a page is made

The session is that of `long_session`: 50 minutes, 600 utterances. Speech is paid by the seconds of audio that
were answered, Language by text records: for each document one for every 1,000 characters begun. What a
session costs in Cosmos DB is counted by `count_cosmos_costs`. A test counts again and compares.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.azure.long_session import MINUTES, PATIENT, heard
from tests.emulators.fast import FakeFast
from tests.emulators.language import FakeLanguage
from therapy.config import read_settings
from therapy.ports.speech import SpeechOptions
from therapy.wiring.adapters import open_language, open_speech

FILE = Path(__file__).resolve().parents[2] / "scripts" / "session_costs.json"

PRACTICE, LANGUAGE = "practice-1", "he-IL"
SECOND = b"\x00\x00" * 16_000


class MeteredFast(FakeFast):
    """Adds up the seconds of audio that it has answered about: these are paid."""

    paid_seconds = 0.0

    def _answer(self, definition: dict[str, Any], seconds: float, phrases: Any) -> dict[str, Any]:
        self.paid_seconds += seconds
        return super()._answer(definition, seconds, phrases)


async def recording() -> AsyncIterator[bytes]:
    for _ in range(MINUTES):
        yield SECOND * 60


async def speech_seconds(fast: MeteredFast) -> float:
    """Return the seconds of audio that recognising the session costs."""
    named = {"SPEECH_KEY": fast.key, "SPEECH_REGION": "westeurope", "THERAPY_SPEECH_ENGINE": "fast"}
    settings = read_settings(named | fast.settings())
    async with AsyncExitStack() as stack:
        speech = await open_speech(settings, stack)
        options = SpeechOptions((LANGUAGE,))
        async for _ in speech.transcribe(PRACTICE, recording(), options):
            pass
    return fast.paid_seconds


async def text_records(language: FakeLanguage) -> dict[str, int]:
    """Return the text records of each kind that the patient's scores and the session's insights cost."""
    utterances = heard()
    async with AsyncExitStack() as stack:
        settings = read_settings(language.settings())
        sentiment, insights = await open_language(settings, stack)
        patient = [each.text for each in utterances if each.voice == PATIENT]
        await sentiment.score(PRACTICE, patient, LANGUAGE)
        found = await insights.find(PRACTICE, utterances, LANGUAGE)
        assert not found.gaps, found.gaps
    return dict(sorted(language.text_records.items()))


async def counted(fast: MeteredFast, language: FakeLanguage) -> Mapping[str, Any]:
    """Return what one session costs."""
    return {
        "minutes": MINUTES,
        "utterances": len(heard()),
        "speech_seconds": round(await speech_seconds(fast)),
        "text_records": await text_records(language),
    }


def main() -> None:
    with MeteredFast() as fast, FakeLanguage() as language:
        costs = asyncio.run(counted(fast, language))
    FILE.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")
    print(FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
