"""Sentiment: how a text feels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from therapy.domain.sentiment import Scores


class Sentiment(ABC):
    """Scores texts one by one."""

    @abstractmethod
    async def score(
        self, practice_id: str, texts: Sequence[str], language: str
    ) -> tuple[Scores | None, ...]:
        """Score each text: one entry per text, in the same order, None where a text can't be scored.

        `language` is a BCP 47 tag. Each score sums to 1 (±0.001). No texts give no scores.

        Raises:
            LanguageNotSupported: this engine does not do the language; nothing was scored.
            EngineFailed: the engine broke; `transient` says whether trying again may help.
        """
