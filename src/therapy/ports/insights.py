"""Insight: what stands out in a transcript."""

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
        """Find what can be found; every part is there or has a gap that says why it is not.

        `language` is a BCP 47 tag. What the engine can't do, does not do in this language or breaks at
        is a gap, and nothing is raised for it: the other parts and the session are none the worse.
        Where nothing was said nothing is found, and there is no gap.

        Key phrases: each once, the most telling first, at most MAX_KEY_PHRASES. Personal details: in the
        order of the transcript, each inside its utterance's text, counted in characters (code points).
        """
