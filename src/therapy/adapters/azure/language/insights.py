"""Insights by Azure AI Language: key phrases, personal details and a draft of a summary, all at once.

The service is told not to keep what it reads.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from azure.ai.textanalytics import AbstractiveSummaryResult, DocumentError
from azure.ai.textanalytics.aio import TextAnalyticsClient

from therapy.adapters.azure.language.client import (
    MAX_JOB_CHARACTERS,
    T,
    answered,
    batches,
    code_in,
    documents_of,
    language_of,
    pieces_of,
    split,
)
from therapy.domain.errors import EngineFailed, LanguageNotSupported, WorkFailed
from therapy.domain.insights import (
    Gap,
    Insights,
    Part,
    PersonalDetail,
    most_telling,
    nothing_but,
)
from therapy.domain.transcript import Utterance
from therapy.ports.insights import InsightFinder

PII_DOCUMENTS = 5
"""The most documents in a request for personal details; the others take ten."""

NOT_PERSONAL = frozenset({"PersonType", "Quantity"})
"""Categories that identify nobody: "my sister", "two hours"."""

SUMMARY_SENTENCES = 6
SUMMARY_DEADLINE = 600.0
"""Seconds for a summary, which may take minutes according to the service's documentation."""

V = TypeVar("V")


class LanguageInsightFinder(InsightFinder):
    """Finds insights with a Language resource; `pause` is the seconds between checks for a summary."""

    def __init__(self, client: TextAnalyticsClient, pause: int = 5) -> None:
        self._client = client
        self._pause = pause

    async def find(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        utterances: Sequence[Utterance],
        language: str,
    ) -> Insights:
        if not any(each.text.strip() for each in utterances):
            return Insights()
        try:
            code = language_of(language)
        except LanguageNotSupported as exc:
            return nothing_but(exc.code)
        gaps: list[Gap] = []
        phrases, details, summary = await asyncio.gather(
            _or_gap(Part.KEY_PHRASES, self._phrases(utterances, code), (), gaps),
            _or_gap(Part.PERSONAL_DETAILS, self._details(utterances, code), (), gaps),
            _or_gap(Part.SUMMARY, self._summary(utterances, code), "", gaps),
        )
        return Insights(
            key_phrases=phrases,
            personal_details=details,
            summary_draft=summary,
            gaps=tuple(sorted(gaps, key=lambda gap: gap.part.value)),
            engine="azure-language",
        )

    async def _phrases(self, utterances: Sequence[Utterance], code: str) -> tuple[str, ...]:
        found: list[str] = []
        for batch in batches(pieces_of(["\n".join(each.text for each in utterances)])):
            documents = documents_of(piece.text for piece in batch)
            asked = self._client.extract_key_phrases(
                documents, language=code, disable_service_logs=True
            )
            for answer in _complete(await answered(asked, len(batch), code)):
                found += answer.key_phrases
        return most_telling(found)

    async def _details(
        self, utterances: Sequence[Utterance], code: str
    ) -> tuple[PersonalDetail, ...]:
        found: list[PersonalDetail] = []
        for batch in batches(pieces_of(each.text for each in utterances), PII_DOCUMENTS):
            documents = documents_of(piece.text for piece in batch)
            asked = self._client.recognize_pii_entities(
                documents,
                language=code,
                disable_service_logs=True,
                string_index_type="UnicodeCodePoint",
            )
            answers = _complete(await answered(asked, len(batch), code))
            found += [
                PersonalDetail(piece.place, piece.start + each.offset, each.length, each.category)
                for piece, answer in zip(batch, answers, strict=True)
                for each in answer.entities
                if each.category not in NOT_PERSONAL
            ]
        return tuple(sorted(found, key=lambda each: (each.utterance, each.start)))

    async def _summary(self, utterances: Sequence[Utterance], code: str) -> str:
        said = "\n".join(f"{each.speaker.value}: {each.text}" for each in utterances)
        drafts: list[str] = []
        for text in split(said, MAX_JOB_CHARACTERS):
            (answer,) = _complete(await answered(self._job(text, code), 1, code, SUMMARY_DEADLINE))
            drafts += [draft.text.strip() for draft in answer.summaries]
        return "\n\n".join(drafts)

    async def _job(
        self, text: str, code: str
    ) -> Sequence[AbstractiveSummaryResult | DocumentError]:
        poller = await self._client.begin_abstract_summary(
            documents_of([text]),
            language=code,
            disable_service_logs=True,
            sentence_count=SUMMARY_SENTENCES,
            polling_interval=self._pause,
        )
        return [answer async for answer in await poller.result()]


async def _or_gap(part: Part, finding: Awaitable[V], nothing: V, gaps: list[Gap]) -> V:
    try:
        return await finding
    except WorkFailed as exc:
        gaps.append(Gap(part, exc.code))
        return nothing


def _complete(answers: Sequence[T]) -> Sequence[T]:
    """Return the answers; raise EngineFailed if one is an error, as half a list would look complete."""
    for answer in answers:
        if code := code_in(answer):
            raise EngineFailed(reason=code, transient=False)
    return answers
