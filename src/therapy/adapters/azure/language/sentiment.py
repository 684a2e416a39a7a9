"""Sentiment by Azure AI Language. The service is told not to keep what it reads."""

from collections import defaultdict
from collections.abc import Sequence

from azure.ai.textanalytics import AnalyzeSentimentResult, DocumentError
from azure.ai.textanalytics.aio import TextAnalyticsClient

from therapy.adapters.azure.language.client import (
    Piece,
    answered,
    batches,
    code_in,
    documents_of,
    language_of,
    pieces_of,
)
from therapy.domain.sentiment import Scored, Scores, normalised, overall
from therapy.ports.sentiment import Sentiment

Answer = AnalyzeSentimentResult | DocumentError


class LanguageSentiment(Sentiment):
    """Scores in batches. A text too long for one document is scored in parts, weighted by their length;
    a text that the service refuses, wholly or partly, has no scores."""

    def __init__(self, client: TextAnalyticsClient) -> None:
        self._client = client

    async def score(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        texts: Sequence[str],
        language: str,
    ) -> tuple[Scores | None, ...]:
        code = language_of(language)
        parts: dict[int, list[Scored | None]] = defaultdict(list)
        for batch in batches(pieces_of(texts)):
            for piece, answer in zip(batch, await self._ask(batch, code), strict=True):
                parts[piece.place].append(_scored(piece, answer))
        return tuple(_combined(parts[place]) for place in range(len(texts)))

    async def _ask(self, batch: Sequence[Piece], code: str) -> Sequence[Answer]:
        asked = self._client.analyze_sentiment(
            documents_of(piece.text for piece in batch), language=code, disable_service_logs=True
        )
        return await answered(asked, len(batch), code)


def _scored(piece: Piece, answer: Answer) -> Scored | None:
    if code_in(answer):
        return None
    shares = answer.confidence_scores
    scores = normalised(shares.positive, shares.neutral, shares.negative)
    return Scored(piece.start, len(piece.text), scores)


def _combined(parts: Sequence[Scored | None]) -> Scores | None:
    whole = [part for part in parts if part is not None]
    return overall(whole) if whole and len(whole) == len(parts) else None
