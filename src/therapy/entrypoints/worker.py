"""The worker: answers rings with `RunWorker.work_on`, and sweeps regularly for work without a ring.

Insights and playback have tasks of their own: a summary that takes minutes keeps no session from being
transcribed, and an hour's recording no insights from being found.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from therapy.domain.errors import TherapyError
from therapy.domain.run import RunKind
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
    beside = [asyncio.create_task(each.work()) for each in working.beside]
    try:
        yield
    finally:
        tasks = sweeping, *working.jobs, *beside, listening
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, TherapyError):
                await task


class _Working:
    """What a worker does about rings; and what it does beside, which takes no session's turn."""

    def __init__(self, therapy: Therapy) -> None:
        worker = replace(therapy.installation.worker, during=lambda run: bound_ids(run=run.id))
        self.jobs: set[asyncio.Task[None]] = set()
        self._worker = replace(worker, kinds=worker.kinds & IN_TURN_KINDS)
        places = {
            RunKind.INSIGHTS: therapy.settings.insights_at_once,
            RunKind.PLAYBACK: therapy.settings.playback_at_once,
        }
        self.beside = [
            _Beside(replace(worker, kinds=worker.kinds & {kind}), at_once, self._work_on)
            for kind, at_once in places.items()
        ]

    def look_beside(self) -> None:
        """Have tasks look for what is due beside the sessions, as soon as one is free."""
        for each in self.beside:
            each.due.set()

    async def answer(self, practice_id: str, session_id: str) -> None:
        """Work on whatever waits, in order, then on what the ring is about."""
        self.look_beside()
        if await self._work_on_waiting():
            await self._work_on(self._worker, practice_id, session_id)

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
                self.look_beside()
            if job.cancelled():
                return False
            if exc := job.exception():
                log.error("a session was not worked on", extra={"error": type(exc).__name__})
        return True


class _Beside:
    """Work of one kind for which no session waits, on so many sessions at once, whenever `due` is set."""

    def __init__(
        self,
        worker: RunWorker,
        at_once: int,
        work_on: Callable[[RunWorker, str, str], Awaitable[bool]],
    ) -> None:
        self.due = asyncio.Event()
        self._worker, self._work_on = worker, work_on
        self._places = asyncio.Semaphore(at_once)

    async def work(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self.due.wait()
                self.due.clear()
                async for first in _waiting(self._worker):
                    await self._places.acquire()
                    tasks.create_task(self._work(*first))

    async def _work(self, practice_id: str, session_id: str) -> None:
        try:
            await self._work_on(self._worker, practice_id, session_id)
        finally:
            self._places.release()


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
            working.look_beside()
        await asyncio.sleep(therapy.settings.sweep_every.total_seconds())
