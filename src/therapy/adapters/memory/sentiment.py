"""Sentiment from a short list of words."""

from collections.abc import Sequence

from therapy.domain.errors import LanguageNotSupported
from therapy.domain.sentiment import Scores, normalised
from therapy.domain.text_folding import words_of
from therapy.ports.sentiment import Sentiment

GOOD = frozenset({"good", "great", "happy", "better", "love", "calm", "hope", "glad"})
BAD = frozenset({"bad", "sad", "worse", "afraid", "angry", "hate", "tired", "alone"})


class MemorySentiment(Sentiment):
    """Scores by counting good and bad words; English only."""

    async def score(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        texts: Sequence[str],
        language: str,
    ) -> tuple[Scores | None, ...]:
        if language.partition("-")[0].lower() != "en":
            raise LanguageNotSupported(language=language)
        return tuple(_score(text) for text in texts)


def _score(text: str) -> Scores | None:
    words = words_of(text)
    if not words:
        return None
    good = sum(word in GOOD for word in words)
    bad = sum(word in BAD for word in words)
    return normalised(good, len(words) - good - bad, bad)
