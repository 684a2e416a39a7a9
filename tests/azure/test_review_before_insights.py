"""The Azure family, while a summary's job does not end: review waits neither for it nor for a free worker."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.azure.installing import *  # noqa: F403 - fixtures are found by name
from tests.builders import HOUR, PRACTICE, THERAPIST, a_device, a_practice, a_therapist, a_wav
from tests.emulators.language import FakeLanguage
from tests.logins import has_login
from tests.workflows.memory_installation import ACTOR, registered, upload
from therapy.adapters.memory.push import MemoryPushSender
from therapy.config import read_settings
from therapy.domain.insights_status import InsightsStatus
from therapy.domain.session_status import SessionStatus
from therapy.entrypoints.worker import working
from therapy.wiring import open_therapy
from therapy.workflows import accounts, review
from therapy.workflows.review import SessionView

pytestmark = [pytest.mark.slow, pytest.mark.emulator]
PATIENCE = 60.0


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.2)


async def test_sessions_come_to_review_while_the_jobs_of_their_summaries_are_held(
    migrated: dict[str, str], fake_language: FakeLanguage
) -> None:
    fake_language.jobs_held = True
    settings = read_settings(migrated | {"CELERY_CONCURRENCY": "1"})
    push = MemoryPushSender()
    opening = open_therapy(settings, lambda ports: replace(ports, push=push))
    async with opening as therapy, working(therapy):
        records = therapy.installation.records
        await accounts.put_practice(a_practice(), records=records)
        await accounts.add_person(a_therapist(), records=records)
        await has_login(PRACTICE, THERAPIST, records=records, expires_at=records.now() + HOUR)
        await registered(a_device(person_id=THERAPIST), records=records)

        async def seen(session_id: str) -> SessionView:
            return await review.look(ACTOR, session_id, records=records)

        async def is_reviewable(session_id: str) -> bool:
            return (await seen(session_id)).progress.state is SessionStatus.AWAITING_REVIEW

        async def is_ready(session_id: str) -> bool:
            return (await seen(session_id)).insights.status is InsightsStatus.READY

        async def all_are_told() -> bool:
            return [each.session_id for _, each in push.sent] == ids

        async def both_summaries_are_asked_for() -> bool:
            return fake_language.text_records["AbstractiveSummarization"] == len(ids)

        sounds = [a_wav(bytes([number, 1]) * 16_000 * 20) for number in (1, 2)]
        ids = [(await upload(therapy.installation.intake, sound)).session_id for sound in sounds]
        for session_id in ids:
            await until(lambda of=session_id: is_reviewable(of))
            found = await seen(session_id)
            assert found.insights.status is InsightsStatus.PENDING
            assert found.transcript.utterances
            assert found.transcript.insights is None
        await until(all_are_told)
        await until(both_summaries_are_asked_for)
        fake_language.jobs_held = False
        for session_id in ids:
            await until(lambda of=session_id: is_ready(of))
            found = await seen(session_id)
            assert found.progress.state is SessionStatus.AWAITING_REVIEW
            assert found.transcript.insights.summary_draft
        entry = await therapy.installation.session_index.get(PRACTICE, ids[0])
        assert entry.state is SessionStatus.AWAITING_REVIEW
