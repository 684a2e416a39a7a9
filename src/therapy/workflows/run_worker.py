"""How a worker works: claim a session's due run, hold it with heartbeats, finish it or note the failure.

A worker that dies loses its lease and the next one begins again; nothing is written half.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from msgspec.structs import replace

from therapy.domain.errors import (
    ErrorClass,
    LeaseLost,
    NotFound,
    Stale,
    TherapyError,
    TryAgain,
    WorkFailed,
)
from therapy.domain.outbox import EntryChanged, PushDue, PushKind
from therapy.domain.run import (
    MAX_CLAIMS,
    Run,
    RunKind,
    RunState,
    beaten,
    claimable,
    claimed,
    failed,
    put_back,
)
from therapy.ports.sessions import Change
from therapy.workflows import closing, transcription
from therapy.workflows.claimed_run import ClaimedRun
from therapy.workflows.desk import Desk
from therapy.workflows.outbox_relay import commit

BEATS_PER_LEASE = 3


async def work_on(practice_id: str, session_id: str, *, desk: Desk) -> None:
    """Do whatever of a session's work is due and nobody else does. Idempotent."""
    for run in await desk.runs.of_session(practice_id, session_id):
        if not claimable(run, desk.now()):
            continue
        if run.claims >= MAX_CLAIMS:
            await _give_up(run, ErrorClass.PERMANENT, "worker_died", desk=desk)
            continue
        with contextlib.suppress(LeaseLost):
            await _work(await _claim(run, desk=desk), desk=desk)


async def _claim(run: Run, *, desk: Desk) -> Run:
    limits = desk.limits
    mine = claimed(
        run, lease=desk.new_id(), now=desk.now(), hold=limits.lease, within=limits.run_time
    )
    await commit(run.practice_id, run.session_id, Change(runs=(mine,)), EntryChanged(), desk=desk)
    return replace(mine, version=mine.version + 1)  # as `commit` has written it


async def _work(run: Run, *, desk: Desk) -> None:
    held = ClaimedRun(run)
    try:
        async with _beating(held, desk=desk):
            if run.kind is RunKind.TRANSCRIBE:
                finish = await transcription.transcribe(held, desk=desk)
            else:
                finish = await closing.score(held, desk=desk)
        await finish(held.run)
    except WorkFailed as exc:
        await _give_up(held.run, exc.error_class, exc.code, desk=desk)
    except TimeoutError:
        await _give_up(held.run, ErrorClass.TRANSIENT, "timeout", desk=desk)
    except NotFound as exc:
        await _give_up(held.run, ErrorClass.PERMANENT, exc.code, desk=desk)
    except (LeaseLost, Stale):
        return
    except TryAgain as exc:
        await _give_up(held.run, ErrorClass.TRANSIENT, exc.code, desk=desk)
    except asyncio.CancelledError:
        back = Change(runs=(put_back(held.run, now=desk.now()),))
        with contextlib.suppress(TherapyError):
            await asyncio.shield(
                commit(run.practice_id, run.session_id, back, EntryChanged(), desk=desk)
            )
        raise
    except Exception:
        await _give_up(held.run, ErrorClass.TRANSIENT, "internal", desk=desk)
        raise


@contextlib.asynccontextmanager
async def _beating(held: ClaimedRun, *, desk: Desk) -> AsyncIterator[None]:
    """Hold the lease while the body works; a lost lease or a passed deadline ends the body.

    Raises:
        LeaseLost: somebody else has the run now, or the session was cancelled.
        TimeoutError: the run's deadline has passed.
    """
    body, over = asyncio.current_task(), asyncio.Event()
    ended: list[BaseException] = []

    async def beat() -> None:
        try:
            while not await _rings(over, desk.limits.lease.total_seconds() / BEATS_PER_LEASE):
                await _beat(held, desk=desk)
        except (LeaseLost, TimeoutError) as exc:
            ended.append(exc)
            if body and not over.is_set():
                body.cancel()

    beats = asyncio.create_task(beat())
    try:
        try:
            yield
        finally:
            # A beat in writing is waited for: cut off, it might be in the store and not in `held`.
            over.set()
            await asyncio.shield(beats)
    except asyncio.CancelledError:
        if not ended or (body and body.uncancel()):
            raise
        raise ended[0] from None


async def _rings(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, so many seconds at the most; tell whether it came."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def _beat(held: ClaimedRun, *, desk: Desk) -> None:
    now = desk.now()
    if held.run.deadline and now > held.run.deadline:
        raise TimeoutError
    next_beat = beaten(
        held.run, now=now, hold=desk.limits.lease, stage=held.stage, progress=held.progress
    )
    try:
        held.run = await desk.runs.save(held.run.practice_id, next_beat)
    except LeaseLost:
        raise
    except TryAgain:
        return  # the store is out of reach: the lease decides whether this was one beat too many


async def _give_up(run: Run, error_class: ErrorClass, code: str, *, desk: Desk) -> None:
    """Note a failure; tell the therapist once it is final."""
    after = failed(run, error_class=error_class, code=code, now=desk.now())
    follows = [EntryChanged()]
    with contextlib.suppress(LeaseLost):
        if after.state is RunState.FAILED:
            session = await desk.sessions.load(run.practice_id, run.session_id)
            push = PushDue(PushKind.SESSION_FAILED, session.therapist_id)
            await commit(
                run.practice_id, run.session_id, Change(runs=(after,)), *follows, push, desk=desk
            )
        else:
            await commit(
                run.practice_id, run.session_id, Change(runs=(after,)), *follows, desk=desk
            )
