"""Sentiment in this process: English by VADER (Hutto & Gilbert 2014), Hebrew approximately."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from therapy.adapters.local import hebrew_sentiment
from therapy.domain.errors import EngineFailed, LanguageNotSupported
from therapy.domain.sentiment import Scores, normalised
from therapy.ports.sentiment import Sentiment


class VaderSentiment(Sentiment):
    """Scores with nltk-vader-sentiment, Hebrew with hepsylex; a lexicon is loaded at its first score."""

    def __init__(self) -> None:
        self._analyser: Any = None
        self._loading = threading.Lock()

    async def score(
        self, practice_id: str, texts: Sequence[str], language: str
    ) -> tuple[Scores | None, ...]:
        del practice_id  # nothing leaves this process
        match language.replace("_", "-").split("-")[0].lower():
            case "en":
                return await asyncio.to_thread(self._score_all, tuple(texts))
            case "he" | "iw":
                return await asyncio.to_thread(_hebrew, tuple(texts))
        raise LanguageNotSupported(language=language)

    def _score_all(self, texts: tuple[str, ...]) -> tuple[Scores | None, ...]:
        analyser = self._loaded()
        return tuple(_score(analyser, text) if text.strip() else None for text in texts)

    def _loaded(self) -> Any:
        with self._loading:
            if self._analyser is None:
                try:
                    from vader import SentimentIntensityAnalyzer
                except ImportError:
                    raise EngineFailed("extra", transient=False, extra="therapy[local]") from None
                self._analyser = SentimentIntensityAnalyzer()
            return self._analyser


def _score(analyser: Any, text: str) -> Scores:
    found = analyser.polarity_scores(text)
    # The three shares are rounded separately, so they add up to between 0.999 and 1.001.
    return normalised(found["pos"], found["neu"], found["neg"])


def _hebrew(texts: tuple[str, ...]) -> tuple[Scores | None, ...]:
    return tuple(hebrew_sentiment.score(text) if text.strip() else None for text in texts)
