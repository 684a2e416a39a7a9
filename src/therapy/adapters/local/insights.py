"""No insights in the local family: no engine that finds them is small enough to ship."""

from collections.abc import Sequence

from therapy.domain.insights import Insights, nothing_but
from therapy.domain.transcript import Utterance
from therapy.ports.insights import InsightFinder


class LocalInsightFinder(InsightFinder):
    """Returns only gaps: every part is `not_offered`."""

    async def find(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        utterances: Sequence[Utterance],
        language: str,  # noqa: ARG002 - the port's
    ) -> Insights:
        said = any(each.text.strip() for each in utterances)
        return nothing_but("not_offered") if said else Insights()
