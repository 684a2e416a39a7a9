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
        """Return one entry per text, in the same order: its scores, or None if it can't be scored.

        `language` is a BCP 47 tag. Each entry's shares sum to 1 (±0.001). Without texts it is empty.

        Raises:
            LanguageNotSupported: this engine does not support the language; nothing was scored.
            EngineFailed: the engine broke; `transient` says whether trying again may help.
        """
