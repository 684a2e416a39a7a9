"""The worker: answers rings by what is due, in order, and sweeps regularly for work without a ring.

Insights and playback have places of their own: a summary that takes minutes keeps no session from being
transcribed, and an hour's recording no insights from being found. While recordings take all places in turn,
what was submitted is scored in further ones: a therapist who closes a session waits for no transcription.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from therapy.domain.errors import TherapyError, Unavailable
from therapy.domain.run import Run, RunKind
from therapy.domain.session_status import IN_TURN_KINDS, SCORING_KINDS
from therapy.entrypoints.logs import bound_ids
from therapy.ports.doorbell import Ring
from therapy.wiring import Therapy, languages_lacking
from therapy.workflows.run_worker import RunWorker
from therapy.workflows.waiting_runs import first_waiting

log = logging.getLogger(__name__)

LACKING = "SPEECH_LANGUAGE names languages that THERAPY_SPEECH_MODEL does not recognise"
MANY = 3
"""Sessions that are looked into together: a read of many is dearer than one or two of one session each."""

FRESH_SECONDS = 0.5
"""How long the order of what waits is kept; then whoever came meanwhile may be next."""


@asynccontextmanager
async def working(therapy: Therapy) -> AsyncIterator[None]:
    """Work on sessions while the body runs; at the end, put unfinished ones back for others at once."""
    if lacking := languages_lacking(therapy.settings):
        log.warning(LACKING, extra={"languages": ", ".join(lacking)})
    working = _Working(therapy)
    working.look()
    listening = asyncio.create_task(therapy.installation.doorbell.listen(working.answer))
    sweeping = asyncio.create_task(_sweep_forever(therapy, working))
    places = [asyncio.create_task(each.work()) for each in working.all_places]
    try:
        yield
    finally:
        jobs = [job for each in working.all_places for job in each.jobs]
        tasks = sweeping, *jobs, *places, listening
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, TherapyError):
                await task


class _Working:
    """What a worker does about rings: its places for sessions, and those that take no session's turn.

    `places` look for what is due after a ring, `closings` only while all places in turn are taken: else a
    ring would be two looks.
    """

    def __init__(self, therapy: Therapy) -> None:
        settings = therapy.settings
        worker = replace(
            therapy.installation.worker,
            during=lambda run: bound_ids(run=run.id),
        )
        self.in_turn = _Places(
            replace(worker, kinds=worker.kinds & IN_TURN_KINDS),
            settings.sessions_at_once,
            when_full=self._tell_others,
            after=self._look_after,
            failed=self._look_beside,
        )
        self.closings = _Places(
            replace(worker, kinds=worker.kinds & SCORING_KINDS), settings.sessions_at_once
        )
        self._ring = therapy.installation.doorbell.ring
        beside = {
            RunKind.INSIGHTS: settings.insights_at_once,
            RunKind.PLAYBACK: settings.playback_at_once,
        }
        self.places = (
            self.in_turn,
            *(
                _Places(replace(worker, kinds=worker.kinds & {kind}), at_once)
                for kind, at_once in beside.items()
            ),
        )
        self.all_places = (*self.places, self.closings)

    def look(self) -> None:
        """Have all look for what is due, as soon as one of their places is free."""
        for each in self.places:
            each.due.set()
        if self.in_turn.full:
            self.closings.due.set()

    def _look_after(self, due: Collection[RunKind]) -> None:
        """Have those look that do work of these kinds; all, if it was done in turn: more may follow from it.

        Sweeps ring for every file for players that waits: to look for all else each time would be a query of
        each such session for each of them.
        """
        if self.in_turn.kinds.isdisjoint(due):
            for each in self.places:
                if not each.kinds.isdisjoint(due):
                    each.due.set()
        else:
            self.look()

    def _look_beside(self) -> None:
        for each in self.places[1:]:
            each.due.set()

    async def answer(self, rings: Sequence[Ring]) -> None:
        """Begin whatever waits, in order, and what the rings are about; return once a place is free."""
        await self.in_turn.answer(rings)

    async def _tell_others(self, practice_id: str, session_id: str) -> None:
        """Ring for a session that waits while all places are taken here: another worker may have one."""
        self.look()
        try:
            await self._ring(practice_id, session_id)
        except Unavailable:
            pass  # the sweep of another worker finds it
        except Exception as exc:  # noqa: BLE001 - whatever failed, the places must go on
            log.error("nobody else could be told", extra={"error": type(exc).__name__})  # noqa: TRY400 - no traceback, it may quote people


class _Places:
    """Work of some kinds on so many sessions at once: on what waits, in order, whenever `due` is set.

    What rings are about is begun at once if nothing waited at the last look and there are places for all.
    `when_full` is called with the first session that waits while all places are taken, `after` once a session
    had work, with its kinds, be they others. `failed` is called once one was not worked on: it is still due,
    as when the disk is full, and is left to the next sweep.
    """

    def __init__(
        self,
        worker: RunWorker,
        at_once: int,
        *,
        when_full: Callable[[str, str], Awaitable[None]] | None = None,
        after: Callable[[Collection[RunKind]], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        self.due = asyncio.Event()
        self.jobs: dict[asyncio.Task[None], Ring] = {}
        self._worker, self._when_full = worker, when_full
        self._after, self._failed = after, failed
        self._at_once, self._places = at_once, asyncio.Semaphore(at_once)
        self._nothing_waits = self._passed_over = False
        self._rung: dict[Ring, None] = {}
        self._answered = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether all places are taken."""
        return self._places.locked()

    @property
    def kinds(self) -> frozenset[RunKind]:
        """The kinds of work that is done here."""
        return self._worker.kinds

    async def answer(self, rings: Collection[Ring]) -> None:
        """Look for what is due, and at what the rings are about; return once a place is free."""
        self._answered.clear()
        if self._may_begin(rings):
            await self._begin_all(rings)
        else:
            self._rung |= dict.fromkeys(rings)
        self.due.set()
        await self._answered.wait()

    def _may_begin(self, rings: Collection[Ring]) -> bool:
        """Return whether nothing waited at the last look, and there is a place for each of these."""
        return self._nothing_waits and len(self.jobs) + len(rings) <= self._at_once

    async def work(self) -> None:
        """Work for ever."""
        while True:
            await self.due.wait()
            self.due.clear()
            rung, self._rung = self._rung, {}
            if self._may_begin(rung):
                await self._begin_all(rung)
                await self._begin_waiting()
            else:
                begun = await self._begin_waiting()
                left = [each for each in rung if each not in begun]
                await self._begin_all(await self._with_work(left))
            async with self._places:
                if not self._rung:
                    self._answered.set()

    async def _with_work(self, rings: Sequence[Ring]) -> Sequence[Ring]:
        """Return those of these rings that are about a session with work; all, if that can't be seen."""
        if len(rings) < MANY:
            return rings
        try:
            idle = await self._worker.without_work(rings)
        except Exception as exc:  # noqa: BLE001 - whatever failed, perhaps one session: each is looked into
            log.warning("rings are looked into one by one", extra={"error": type(exc).__name__})
            return rings
        return [each for each in rings if each not in idle]

    async def _begin_all(self, rings: Iterable[Ring]) -> None:
        """Begin these, as places get free."""
        for ring in rings:
            await self._places.acquire()
            self._begin(ring)

    async def _begin_waiting(self) -> set[Ring]:
        """Begin whatever waits, in order, as places get free; return what was begun."""
        seen, begun = set[tuple[str, int]](), set[Ring]()
        when_full = self._when_full
        time = asyncio.get_running_loop().time
        while runs := await self._waiting(seen):
            fresh_until = time() + FRESH_SECONDS
            for run in runs:
                ring = _session_of(run)
                if when_full and self.full:
                    await when_full(*ring)
                    when_full = None
                await self._places.acquire()
                if time() > fresh_until:
                    self._places.release()
                    break
                seen.add((run.id, run.version))
                begun.add(ring)
                self._begin(ring)
        return begun

    async def _waiting(self, seen: set[tuple[str, int]]) -> Sequence[Run]:
        """Return the first that wait, but for sessions that are worked on here, where `after` looks again.

        If they can't be seen, that is logged: a sweep has it tried again.
        """
        self._nothing_waits = False
        try:
            while runs := await first_waiting(
                self._worker.kinds, seen, records=self._worker.records
            ):
                at_work = set(self.jobs.values()) if self._after else ()
                if others := [each for each in runs if _session_of(each) not in at_work]:
                    return others
                self._passed_over = True
                seen |= {(each.id, each.version) for each in runs}
            self._nothing_waits = True
        except Exception as exc:  # noqa: BLE001 - whatever failed, those who look must go on
            code = exc.code if isinstance(exc, TherapyError) else type(exc).__name__
            log.warning("what waits can't be seen", extra={"code": code})
        return ()

    def _begin(self, ring: Ring) -> None:
        """Work on a session in the place that was taken for it."""
        job = asyncio.create_task(self._work_on(*ring))
        self.jobs[job] = ring
        job.add_done_callback(self._ended)

    def _ended(self, job: asyncio.Task[None]) -> None:
        del self.jobs[job]
        self._places.release()

    async def _work_on(self, practice_id: str, session_id: str) -> None:
        with bound_ids(practice=practice_id, session=session_id):
            try:
                due = await self._worker.work_on(practice_id, session_id)
            except Exception as exc:  # noqa: BLE001 - one bad session must not end the others
                log.error("a session was not worked on", extra={"error": type(exc).__name__})  # noqa: TRY400 - no traceback, it may quote people
                if self._failed:
                    self._failed()
                return
            if due and self._after:
                if self._passed_over:  # perhaps of this session, after its work was read
                    self._passed_over = False
                    self.due.set()
                self._after(due)


def _session_of(run: Run) -> Ring:
    return run.practice_id, run.session_id


async def _sweep_forever(therapy: Therapy, working: _Working) -> None:
    sweep = therapy.installation.sweep
    while True:
        try:
            await sweep.once()
        except Exception as exc:  # noqa: BLE001 - whatever failed, the sweep must go on
            log.error("the sweep failed", extra={"error": type(exc).__name__})  # noqa: TRY400 - no traceback, it may quote people
        if sweep.has_rung:  # a worker whose places are all taken does not receive it
            working.look()
        await asyncio.sleep(therapy.settings.sweep_every.total_seconds())
