"""The worker: answers rings with `RunWorker.work_on`, and sweeps regularly for work without a ring.

Insights have tasks of their own: a summary that takes minutes keeps no session from being transcribed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from therapy.domain.errors import TherapyError
from therapy.domain.session_status import AWAITED_KINDS
from therapy.entrypoints.logs import bound_ids
from therapy.wiring import Therapy, languages_lacking
from therapy.workflows.run_worker import RunWorker

log = logging.getLogger(__name__)

LACKING = "SPEECH_LANGUAGE names languages that THERAPY_SPEECH_MODEL does not recognise"


@asynccontextmanager
async def working(therapy: Therapy) -> AsyncIterator[None]:
    """Work on sessions while the body runs; at the end, put unfinished ones back for others at once."""
    if lacking := languages_lacking(therapy.settings):
        log.warning(LACKING, extra={"languages": ", ".join(lacking)})
    working = _Working(therapy)
    at_once = therapy.settings.sessions_at_once
    listening = asyncio.create_task(
        therapy.installation.doorbell.listen(working.answer, at_once=at_once)
    )
    sweeping = asyncio.create_task(_sweep_forever(therapy))
    finding = [
        asyncio.create_task(working.find_insights())
        for _ in range(therapy.settings.insights_at_once)
    ]
    try:
        yield
    finally:
        tasks = sweeping, *working.jobs, *finding, listening
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, TherapyError):
                await task


class _Working:
    """What a worker does about rings; and about insights, which mostly wait and take no session's turn."""

    def __init__(self, therapy: Therapy) -> None:
        worker = replace(therapy.installation.worker, during=lambda run: bound_ids(run=run.id))
        self.jobs: set[asyncio.Task[None]] = set()
        self._worker = replace(worker, kinds=worker.kinds & AWAITED_KINDS)
        self._insights_worker = replace(worker, kinds=worker.kinds - AWAITED_KINDS)
        self._insights_due = asyncio.Event()

    async def answer(self, practice_id: str, session_id: str) -> None:
        """Work on whatever waits, in order, then on what the ring is about."""
        self._insights_due.set()
        if await self._work_on_waiting(self._worker):
            await self._work_on(self._worker, practice_id, session_id)

    async def find_insights(self) -> None:
        """Find insights wherever they are due, one session after another, whenever some may be."""
        while True:
            await self._insights_due.wait()
            self._insights_due.clear()
            await self._work_on_waiting(self._insights_worker)

    async def _work_on_waiting(self, worker: RunWorker) -> bool:
        """Work on whatever waits, in order; return False if this worker is stopping."""
        try:
            async for first in worker.waiting():
                if not await self._work_on(worker, *first):
                    return False
        except TherapyError as exc:
            log.warning("what waits can't be seen", extra={"code": exc.code})
        return True

    async def _work_on(self, worker: RunWorker, practice_id: str, session_id: str) -> bool:
        """Work on a session; return False if this worker is stopping."""
        with bound_ids(practice=practice_id, session=session_id):
            job = asyncio.create_task(worker.work_on(practice_id, session_id))
            self.jobs.add(job)
            try:
                await asyncio.wait({job})
            finally:
                self.jobs.discard(job)
            if worker is self._worker:
                self._insights_due.set()
            if job.cancelled():
                return False
            if exc := job.exception():
                log.error("a session was not worked on", extra={"error": type(exc).__name__})
        return True


async def _sweep_forever(therapy: Therapy) -> None:
    while True:
        try:
            await therapy.installation.sweep.once()
        except Exception as exc:  # noqa: BLE001 - whatever failed, the sweep must go on
            log.error("the sweep failed", extra={"error": type(exc).__name__})  # noqa: TRY400 - no traceback, it may quote people
        await asyncio.sleep(therapy.settings.sweep_every.total_seconds())
