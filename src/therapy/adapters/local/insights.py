"""No insights on this machine: no engine that finds them is small enough to come along."""

from collections.abc import Sequence

from therapy.domain.insights import Insights, nothing_but
from therapy.domain.transcript import Utterance
from therapy.ports.insights import InsightFinder


class LocalInsightFinder(InsightFinder):
    """Says of every part that it is not offered here."""

    async def find(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        utterances: Sequence[Utterance],
        language: str,  # noqa: ARG002 - the port's
    ) -> Insights:
        said = any(each.text.strip() for each in utterances)
        return nothing_but("not_offered") if said else Insights()
