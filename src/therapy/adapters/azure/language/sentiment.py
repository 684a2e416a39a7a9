"""Sentiment by Azure AI Language. The service is told not to keep what it reads."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from azure.ai.textanalytics import AnalyzeSentimentResult, DocumentError
from azure.ai.textanalytics.aio import TextAnalyticsClient

from therapy.adapters.azure.language.client import answered, documents_of, language_of
from therapy.adapters.azure.language.packing import Document, batches, pack
from therapy.domain.sentiment import Scored, Scores, normalised, overall
from therapy.ports.sentiment import Sentiment

Answered = tuple[Document, AnalyzeSentimentResult | None]
"""A document and what was answered about it; None if the service refuses its only piece."""


class LanguageSentiment(Sentiment):
    """Scores many texts in one document, sentence by sentence: a text's scores are the mean of its sentences,
    weighted by their length. A text that the service refuses, wholly or partly, has no scores."""

    def __init__(self, client: TextAnalyticsClient) -> None:
        self._client = client

    async def score(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        texts: Sequence[str],
        language: str,
    ) -> tuple[Scores | None, ...]:
        code = language_of(language)
        return scores_in(await self._answers(pack(texts), code), len(texts))

    async def _answers(self, documents: Iterable[Document], code: str) -> list[Answered]:
        """Return all documents with their answers; one that is refused is asked for again in halves."""
        found: list[Answered] = []
        again: list[Document] = []
        for batch in batches(documents):
            for document, answer in zip(batch, await self._ask(batch, code), strict=True):
                if isinstance(answer, AnalyzeSentimentResult):
                    found.append((document, answer))
                elif halves := document.halves():
                    again += halves
                else:
                    found.append((document, None))
        return found + (await self._answers(again, code) if again else [])

    async def _ask(
        self, batch: Sequence[Document], code: str
    ) -> Sequence[AnalyzeSentimentResult | DocumentError]:
        asked = self._client.analyze_sentiment(
            documents_of(document.text for document in batch),
            language=code,
            disable_service_logs=True,
            string_index_type="UnicodeCodePoint",
        )
        return await answered(asked, len(batch), code)


def scores_in(found: Iterable[Answered], count: int) -> tuple[Scores | None, ...]:
    """Return the scores of `count` texts from what was answered about the documents that they are in."""
    parts: dict[int, list[Scored | None]] = defaultdict(list)
    for document, answer in found:
        for place, part in _sentences(document, answer):
            parts[place].append(part)
    return tuple(_combined(parts[place]) for place in range(count))


def _sentences(
    document: Document, answer: AnalyzeSentimentResult | None
) -> Iterator[tuple[int, Scored | None]]:
    """Yield the scores of each sentence with its text's index, and None for a piece that has none.

    Should a sentence run from one text into the next, it counts for both by what they have of it. Blanks at
    its ends count for nothing: how many there are depends on what else is in the document.
    """
    silent = set(range(len(document.pieces)))
    for sentence in answer.sentences if answer else ():
        shares = sentence.confidence_scores
        scores = normalised(shares.positive, shares.neutral, shares.negative)
        for number, covered in document.places(sentence.offset, sentence.length):
            silent.discard(number)
            yield covered.place, Scored(covered.start, len(covered.text.strip()) or 1, scores)
    for number in silent:
        yield document.pieces[number].place, None


def _combined(parts: Sequence[Scored | None]) -> Scores | None:
    whole = [part for part in parts if part is not None]
    return overall(whole) if whole and len(whole) == len(parts) else None
