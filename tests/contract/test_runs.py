"""What `ports.runs` promises."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.builders import MINUTE, NOW, OTHER_PRACTICE, PRACTICE, SECOND, SESSION, a_run
from tests.contract.conftest import Family
from therapy.domain.errors import ErrorClass, LeaseLost
from therapy.domain.run import Run, RunRef, again, beaten, claimed, done, failed, put_back
from therapy.ports.sessions import Change

HOLD = 30 * SECOND


async def started(family: Family, *runs: Run, practice_id: str = PRACTICE) -> None:
    for run in runs:
        await family.sessions.commit(practice_id, run.session_id, Change(runs=(run,)))


def taken(run: Run) -> Run:
    return claimed(run, lease="worker", now=NOW, hold=HOLD, within=10 * MINUTE)


async def stored(family: Family) -> Run:
    (run,) = await family.runs.of_session(PRACTICE, SESSION)
    return run


async def test_a_sessions_runs_come_oldest_first(family: Family) -> None:
    new, old = a_run(id="a", created_at=NOW + SECOND), a_run(id="b", created_at=NOW)
    same = a_run(id="c", created_at=NOW)
    await started(family, new, same, old)
    runs = await family.runs.of_session(PRACTICE, SESSION)
    assert [run.id for run in runs] == ["b", "c", "a"]


async def test_a_session_that_is_not_there_has_no_runs(family: Family) -> None:
    assert await family.runs.of_session(PRACTICE, "missing") == ()


async def test_another_practices_runs_are_not_seen(family: Family) -> None:
    await started(family, a_run())
    assert await family.runs.of_session(OTHER_PRACTICE, SESSION) == ()


async def test_saving_counts_the_version_and_gives_what_is_stored(family: Family) -> None:
    await started(family, a_run())
    saved = await family.runs.save(PRACTICE, taken(a_run(version=1)))
    assert saved == replace(taken(a_run()), version=2)
    assert await stored(family) == saved


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_saving_another_version_than_the_stored_one_loses_the_lease(
    family: Family, version: int
) -> None:
    await started(family, a_run())
    saved = await family.runs.save(PRACTICE, taken(a_run(version=1)))
    with pytest.raises(LeaseLost):
        await family.runs.save(PRACTICE, done(a_run(version=version)))
    assert await stored(family) == saved


@pytest.mark.parametrize("version", [0, 1])
async def test_saving_a_run_that_is_not_there_loses_the_lease(family: Family, version: int) -> None:
    with pytest.raises(LeaseLost):
        await family.runs.save(PRACTICE, a_run(version=version))
    assert await family.runs.of_session(PRACTICE, SESSION) == ()


async def test_a_run_of_another_practice_can_not_be_saved(family: Family) -> None:
    await started(family, a_run())
    with pytest.raises(LeaseLost):
        await family.runs.save(OTHER_PRACTICE, done(a_run(version=1)))
    assert await stored(family) == a_run(version=1)


async def test_of_workers_that_claim_at_once_exactly_one_gets_the_run(family: Family) -> None:
    await started(family, a_run())
    claims = [replace(taken(a_run(version=1)), lease=f"worker-{number}") for number in range(8)]
    results = await asyncio.gather(
        *(family.runs.save(PRACTICE, claim) for claim in claims), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, Run)]
    assert len(won) == 1
    assert [type(result) for result in results].count(LeaseLost) == 7
    assert await stored(family) == won[0]


async def test_a_beat_keeps_the_lease_and_a_second_worker_out(family: Family) -> None:
    await started(family, a_run())
    mine = await family.runs.save(PRACTICE, taken(a_run(version=1)))
    later = NOW + 20 * SECOND
    beat = beaten(mine, now=later, hold=HOLD, stage="listening", progress=0.5)
    assert (await family.runs.save(PRACTICE, beat)).progress == 0.5
    assert await family.runs.due(NOW + 40 * SECOND, 10) == ()
    with pytest.raises(LeaseLost):
        await family.runs.save(PRACTICE, mine)


async def test_a_run_is_due_from_its_moment_on(family: Family) -> None:
    await started(family, a_run(due_at=NOW + SECOND))
    assert await family.runs.due(NOW, 10) == ()
    assert await family.runs.due(NOW + SECOND, 10) == (RunRef(PRACTICE, SESSION, "run-1"),)


async def test_a_claimed_run_is_due_again_when_its_lease_ends(family: Family) -> None:
    await started(family, a_run())
    await family.runs.save(PRACTICE, taken(a_run(version=1)))
    assert await family.runs.due(NOW + HOLD - SECOND, 10) == ()
    assert len(await family.runs.due(NOW + HOLD, 10)) == 1


async def test_a_run_that_was_put_back_is_due_at_once(family: Family) -> None:
    await started(family, a_run())
    mine = await family.runs.save(PRACTICE, taken(a_run(version=1)))
    await family.runs.save(PRACTICE, put_back(mine, now=NOW + SECOND))
    assert len(await family.runs.due(NOW + SECOND, 10)) == 1


async def test_a_run_that_is_over_is_never_due(family: Family) -> None:
    await started(family, a_run(), a_run(id="run-2"))
    await family.runs.save(PRACTICE, done(a_run(version=1)))
    broken = failed(
        a_run(id="run-2", version=1), error_class=ErrorClass.PERMANENT, code="decode", now=NOW
    )
    await family.runs.save(PRACTICE, broken)
    assert await family.runs.due(NOW + 1000 * MINUTE, 10) == ()


async def test_a_run_that_ends_with_its_session_is_not_due_either(family: Family) -> None:
    await started(family, a_run())
    await started(family, done(a_run(version=1)))
    assert await family.runs.due(NOW + MINUTE, 10) == ()


async def test_a_failed_run_that_is_asked_for_again_is_due_again(family: Family) -> None:
    await started(family, a_run())
    broken = failed(a_run(version=1), error_class=ErrorClass.PERMANENT, code="decode", now=NOW)
    over = await family.runs.save(PRACTICE, broken)
    await family.runs.save(PRACTICE, again(over, now=NOW))
    assert len(await family.runs.due(NOW, 10)) == 1


async def test_due_runs_of_any_practice_come_longest_due_first(family: Family) -> None:
    await started(family, a_run(session_id="s2", due_at=NOW - SECOND))
    await started(
        family, a_run(session_id="s1", due_at=NOW), a_run(session_id="s4", due_at=NOW + SECOND)
    )
    await started(family, a_run(session_id="s3", due_at=NOW - MINUTE), practice_id=OTHER_PRACTICE)
    assert await family.runs.due(NOW, 10) == (
        RunRef(OTHER_PRACTICE, "s3", "run-1"),
        RunRef(PRACTICE, "s2", "run-1"),
        RunRef(PRACTICE, "s1", "run-1"),
    )


@pytest.mark.parametrize(("limit", "given"), [(0, 0), (2, 2), (9, 3)])
async def test_no_more_due_runs_are_given_than_asked_for(
    family: Family, limit: int, given: int
) -> None:
    await started(family, *(a_run(id=f"run-{number}") for number in range(3)))
    assert len(await family.runs.due(NOW, limit)) == given
