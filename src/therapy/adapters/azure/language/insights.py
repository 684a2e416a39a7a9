"""Insights by Azure AI Language: key phrases, personal details and a draft of a summary, all at once.

The service is told not to keep what it reads. The result of a summary's job can be fetched there for 24 hours
all the same, and nothing deletes it earlier: so summaries can be turned off.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TypeVar, cast

from azure.ai.textanalytics import AbstractiveSummaryResult, DocumentError
from azure.ai.textanalytics.aio import TextAnalyticsClient
from azure.core.polling import AsyncLROPoller
from azure.core.polling.async_base_polling import AsyncLROBasePolling
from azure.core.polling.base_polling import BadResponse, BadStatus, OperationFailed

from therapy.adapters.azure.engine_errors import engine_errors
from therapy.adapters.azure.language.client import (
    T,
    answered,
    code_in,
    documents_of,
    language_of,
)
from therapy.adapters.azure.language.packing import MAX_JOB_CHARACTERS, batches, pack, split
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
SUMMARY_SECONDS = 600.0
"""Seconds for a summary, which may take minutes according to the service's documentation."""

CHECK_SECONDS = 10.0

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between checks for a summary: each pause is twice the one before, up to the longest."""

V = TypeVar("V")
log = logging.getLogger(__name__)


class LanguageInsightFinder(InsightFinder):
    """Finds insights with a Language resource; without `summaries` no summary is asked for.

    A summary may take `summary_seconds`: one that takes longer is a gap, and the other parts are kept.
    `sleep` is awaited between checks for it.
    """

    def __init__(
        self,
        client: TextAnalyticsClient,
        *,
        summaries: bool = True,
        summary_seconds: float = SUMMARY_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._summaries = summaries
        self._summary_seconds = summary_seconds
        self._sleep = sleep

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
        gaps = [] if self._summaries else [Gap(Part.SUMMARY, "turned_off")]
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

    async def check(self) -> None:
        """Ask for each part of a short text: a region may lack one, a summary above all.

        Waits CHECK_SECONDS for a summary: a job that has not failed by then was accepted.

        Raises:
            EngineFailed: a part is refused.
        """
        said = (Utterance(0, 1_000, "All is well."),)
        await self._phrases(said, "en")
        await self._details(said, "en")
        if self._summaries:
            with engine_errors(), suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._job(said[0].text, "en")

    async def _phrases(self, utterances: Sequence[Utterance], code: str) -> tuple[str, ...]:
        found: list[str] = []
        for batch in batches(pack(each.text for each in utterances)):
            documents = documents_of(document.text for document in batch)
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
        for batch in batches(pack(each.text for each in utterances), PII_DOCUMENTS):
            documents = documents_of(document.text for document in batch)
            asked = self._client.recognize_pii_entities(
                documents,
                language=code,
                disable_service_logs=True,
                string_index_type="UnicodeCodePoint",
            )
            answers = _complete(await answered(asked, len(batch), code))
            found += [
                PersonalDetail(part.place, part.start, len(part.text), each.category)
                for document, answer in zip(batch, answers, strict=True)
                for each in answer.entities
                if each.category not in NOT_PERSONAL
                for _, part in document.places(each.offset, each.length)
            ]
        return tuple(sorted(found, key=lambda each: (each.utterance, each.start)))

    async def _summary(self, utterances: Sequence[Utterance], code: str) -> str:
        if not self._summaries:
            return ""
        turns = groupby(
            (each for each in utterances if each.text.strip()), lambda each: each.speaker
        )
        said = "\n".join(
            f"{speaker.value}: {' '.join(each.text for each in turn)}" for speaker, turn in turns
        )
        drafts: list[str] = []
        time = asyncio.get_running_loop().time
        latest = time() + self._summary_seconds
        for text in split(said, MAX_JOB_CHARACTERS):
            asked = answered(self._job(text, code), 1, code, latest - time())
            (answer,) = _complete(await asked)
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
        )
        await self._finished(cast("AsyncLROPoller[object]", poller).polling_method())
        return [answer async for answer in await poller.result()]

    async def _finished(self, job: object) -> None:
        """Return once a job is finished, for the SDK's own checks come at one interval.

        Or once a check has failed: asked for the result, the SDK checks again and raises what that means.
        """
        if not isinstance(job, AsyncLROBasePolling):
            return
        pause = FIRST_PAUSE
        with suppress(BadResponse, BadStatus, OperationFailed):
            while not job.finished():
                await self._sleep(pause)
                await job.update_status()
                pause = min(LONGEST_PAUSE, 2 * pause)


async def _or_gap(part: Part, finding: Awaitable[V], nothing: V, gaps: list[Gap]) -> V:
    try:
        return await finding
    except WorkFailed as exc:
        if not isinstance(exc, LanguageNotSupported):
            reason = exc.details.get("reason", exc.code)
            log.warning("insights lack a part", extra={"part": part.value, "reason": reason})
        gaps.append(Gap(part, exc.code))
        return nothing


def _complete(answers: Sequence[T]) -> Sequence[T]:
    """Return the answers; raise EngineFailed if one is an error, as half a list would look complete."""
    for answer in answers:
        if code := code_in(answer):
            raise EngineFailed(reason=code, transient=False)
    return answers
