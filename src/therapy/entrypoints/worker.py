"""The worker: answers rings with `RunWorker.work_on`, and sweeps regularly for work without a ring."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from therapy.domain.errors import TherapyError
from therapy.entrypoints.logs import bound_ids
from therapy.wiring import Therapy, languages_lacking

log = logging.getLogger(__name__)

LACKING = "SPEECH_LANGUAGE names languages that THERAPY_SPEECH_MODEL does not recognise"


@asynccontextmanager
async def working(therapy: Therapy) -> AsyncIterator[None]:
    """Work on sessions while the body runs; at the end, put unfinished ones back for others at once."""
    if lacking := languages_lacking(therapy.settings):
        log.warning(LACKING, extra={"languages": ", ".join(lacking)})
    jobs: set[asyncio.Task[None]] = set()
    worker = replace(therapy.installation.worker, during=lambda run: bound_ids(run=run.id))

    async def answer(practice_id: str, session_id: str) -> None:
        """Work on whatever waits, in order, then on what the ring is about."""
        try:
            async for first in worker.waiting():
                if not await work_on_session(*first):
                    return
        except TherapyError as exc:
            log.warning("what waits can't be seen", extra={"code": exc.code})
        await work_on_session(practice_id, session_id)

    async def work_on_session(practice_id: str, session_id: str) -> bool:
        """Work on a session; return False if this worker is stopping."""
        with bound_ids(practice=practice_id, session=session_id):
            job = asyncio.create_task(worker.work_on(practice_id, session_id))
            jobs.add(job)
            try:
                await asyncio.wait({job})
            finally:
                jobs.discard(job)
            if job.cancelled():
                return False
            if exc := job.exception():
                log.error("a session was not worked on", extra={"error": type(exc).__name__})
        return True

    at_once = therapy.settings.sessions_at_once
    listening = asyncio.create_task(therapy.installation.doorbell.listen(answer, at_once=at_once))
    sweeping = asyncio.create_task(_sweep_forever(therapy))
    try:
        yield
    finally:
        for task in (sweeping, *jobs, listening):
            task.cancel()
        for task in (sweeping, *tuple(jobs), listening):
            with suppress(asyncio.CancelledError, TherapyError):
                await task


async def _sweep_forever(therapy: Therapy) -> None:
    while True:
        try:
            await therapy.installation.sweep.once()
        except Exception as exc:  # noqa: BLE001 - whatever failed, the sweep must go on
            log.error("the sweep failed", extra={"error": type(exc).__name__})  # noqa: TRY400 - no traceback, it may quote people
        await asyncio.sleep(therapy.settings.sweep_every.total_seconds())
