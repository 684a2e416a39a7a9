"""The engines that work on a recording, in one struct because they are always used together."""

from dataclasses import dataclass

from therapy.ports.audio import AudioDecoder
from therapy.ports.insights import InsightFinder
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import Speech


@dataclass(frozen=True)
class Engines:
    """The decoder, the recogniser, sentiment and insights; none of them needs a store."""

    audio: AudioDecoder
    speech: Speech
    sentiment: Sentiment
    insights: InsightFinder
