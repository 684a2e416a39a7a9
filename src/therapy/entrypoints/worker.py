"""The worker: answers rings with `RunWorker.work_on`, and sweeps regularly for work without a ring.

Insights have tasks of their own: a summary that takes minutes keeps no session from being transcribed, and
an hour's recording no insights from being found.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from therapy.domain.errors import TherapyError
from therapy.domain.session_status import IN_TURN_KINDS
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
    sweeping = asyncio.create_task(_sweep_forever(therapy, working))
    finding = asyncio.create_task(working.find_insights(therapy.settings.insights_at_once))
    try:
        yield
    finally:
        tasks = sweeping, *working.jobs, finding, listening
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
        self._worker = replace(worker, kinds=worker.kinds & IN_TURN_KINDS)
        self._insights_worker = replace(worker, kinds=worker.kinds - IN_TURN_KINDS)
        self._insights_due = asyncio.Event()

    def look_for_insights(self) -> None:
        """Have a task look for insights that are due, as soon as one is free."""
        self._insights_due.set()

    async def answer(self, practice_id: str, session_id: str) -> None:
        """Work on whatever waits, in order, then on what the ring is about."""
        self.look_for_insights()
        if await self._work_on_waiting():
            await self._work_on(self._worker, practice_id, session_id)

    async def find_insights(self, at_once: int) -> None:
        """Find insights wherever they are due, in so many sessions at once, whenever some may be."""
        places = asyncio.Semaphore(at_once)

        async def find(practice_id: str, session_id: str) -> None:
            try:
                await self._work_on(self._insights_worker, practice_id, session_id)
            finally:
                places.release()

        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._insights_due.wait()
                self._insights_due.clear()
                async for first in _waiting(self._insights_worker):
                    await places.acquire()
                    tasks.create_task(find(*first))

    async def _work_on_waiting(self) -> bool:
        """Work on whatever sessions wait, in order; return False if this worker is stopping."""
        async for first in _waiting(self._worker):
            if not await self._work_on(self._worker, *first):
                return False
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
                self.look_for_insights()
            if job.cancelled():
                return False
            if exc := job.exception():
                log.error("a session was not worked on", extra={"error": type(exc).__name__})
        return True


async def _waiting(worker: RunWorker) -> AsyncIterator[tuple[str, str]]:
    """Yield what `RunWorker.waiting` does; if that fails, log it and end: a sweep has it tried again."""
    try:
        async for each in worker.waiting():
            yield each
    except Exception as exc:  # noqa: BLE001 - whatever failed, those who look must go on
        code = exc.code if isinstance(exc, TherapyError) else type(exc).__name__
        log.warning("what waits can't be seen", extra={"code": code})


async def _sweep_forever(therapy: Therapy, working: _Working) -> None:
    sweep = therapy.installation.sweep
    while True:
        try:
            await sweep.once()
        except Exception as exc:  # noqa: BLE001 - whatever failed, the sweep must go on
            log.error("the sweep failed", extra={"error": type(exc).__name__})  # noqa: TRY400 - no traceback, it may quote people
        if sweep.has_rung:  # a worker whose places are all taken does not hear it
            working.look_for_insights()
        await asyncio.sleep(therapy.settings.sweep_every.total_seconds())
