"""What works on a recording, as one struct: these are always used together."""

from dataclasses import dataclass

from therapy.ports.audio import AudioDecoder
from therapy.ports.insights import InsightFinder
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import Speech


@dataclass(frozen=True)
class Engines:
    """Decoder, recogniser, sentiment and insights; they need no store."""

    audio: AudioDecoder
    speech: Speech
    sentiment: Sentiment
    insights: InsightFinder
