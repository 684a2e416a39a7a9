"""Insights: what stands out in a transcript."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from therapy.domain.insights import Insights
from therapy.domain.transcript import Utterance


class InsightFinder(ABC):
    """Finds key phrases, personal details and a draft of a summary."""

    @abstractmethod
    async def find(
        self, practice_id: str, utterances: Sequence[Utterance], language: str
    ) -> Insights:
        """Return what can be found; every part is there or has a gap that says why it is not.

        `language` is a BCP 47 tag. What the engine can't do, does not support in this language, or fails
        at becomes a gap, and nothing is raised: the other parts and the session are not affected. If
        nothing was said, nothing is found, and there is no gap.

        Key phrases: each once, most important first, at most MAX_KEY_PHRASES. Personal details: in the
        order of the transcript, each inside its utterance's text, counted in characters (code points).
        """
