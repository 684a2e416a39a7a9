"""What is sent in: a few seconds of real speech, and short tones of which no two are the same."""

from __future__ import annotations

import math
from functools import cache

from tests import media
from tests.builders import a_wav, an_utterance
from therapy.domain.transcript import Speaker, Utterance

RATE = 16_000
SPOKEN_SECONDS = 14.0


@cache
def spoken() -> bytes:
    """Return the beginning of the demo recording as Ogg with Opus."""
    samples = media.excerpt(0.0, SPOKEN_SECONDS, rate=48_000)
    exact = {"fflags": "+bitexact"}  # else each has a number of its own
    return media.encoded(samples, "ogg", "libopus", rate=48_000, bit_rate=16_000, options=exact)


def tone(number: int, seconds: float = 2.0) -> bytes:
    """Return a WAV of a soft tone; each number is another recording."""
    swing = 30 + number
    wave = [round(2_000 * math.sin(2 * math.pi * step / swing)) for step in range(swing)]
    period = b"".join(each.to_bytes(2, "little", signed=True) for each in wave)
    length = int(RATE * seconds) * 2
    return a_wav((period * (length // len(period) + 1))[:length])


def said(start_ms: int, voice: str, text: str) -> Utterance:
    return an_utterance(text, start_ms, speaker=Speaker.UNKNOWN, voice=voice)


ENGLISH = (
    said(0, "0", "How did you sleep this week?"),
    said(2_100, "1", "I slept better, and I feel glad about the garden."),
    said(5_000, "0", "What helped you?"),
    said(7_500, "1", "My sister did. I was sad and alone before."),
    said(11_000, "", "Mm."),
)
SHORT = (
    said(0, "0", "How was the week for you?"),
    said(2_100, "1", "A little sad, but I was not alone."),
)
HEBREW = (
    said(0, "0", "שלום טל, איך עבר עליך השבוע?"),
    said(2_400, "1", "היה שבוע טוב, חזרתי לנגן בפסנתר."),
    said(6_000, "0", "מה הרגשת כשניגנת?"),
    said(8_100, "1", "שמחה גדולה, וגם קצת געגוע."),
)
