"""Sentiment by VADER: a lexicon with rules, in this process, English only (Hutto & Gilbert 2014)."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from therapy.domain.errors import EngineFailed, LanguageNotSupported
from therapy.domain.sentiment import Scores, normalised
from therapy.ports.sentiment import Sentiment


class VaderSentiment(Sentiment):
    """Scores with the package nltk-vader-sentiment; its lexicon is loaded at the first score."""

    def __init__(self) -> None:
        self._analyser: Any = None
        self._loading = threading.Lock()

    async def score(
        self, practice_id: str, texts: Sequence[str], language: str
    ) -> tuple[Scores | None, ...]:
        del practice_id  # nothing leaves this process
        if language.replace("_", "-").split("-")[0].lower() != "en":
            raise LanguageNotSupported(language=language)
        return await asyncio.to_thread(self._score_all, tuple(texts))

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
