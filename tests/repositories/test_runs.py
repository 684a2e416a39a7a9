"""What `repositories.runs` promises."""

import pytest
from msgspec.structs import replace

from tests.builders import MINUTE, NOW, OTHER_PRACTICE, PRACTICE, SECOND, SESSION, a_run
from tests.repositories.changes import NO_UNICODE, ODD_IDS, at_once, commit
from therapy.domain.errors import ErrorClass, InvalidInput, LeaseLost
from therapy.domain.run import Run, RunKind, again, beaten, claimed, done, failed, put_back
from therapy.repositories.records import Records
from therapy.repositories.runs import RUN_QUEUES, run_queue
from therapy.repositories.sessions import session_partition

HOLD = 30 * SECOND


async def write(records: Records, *runs: Run) -> None:
    for run in runs:
        await commit(records, records.runs.write(run))


def taken(run: Run, **changes: object) -> Run:
    claim = claimed(run, lease="worker", now=NOW, hold=HOLD, within=10 * MINUTE)
    return replace(claim, **changes)


async def stored(records: Records) -> Run:
    (run,) = await records.runs.of_session(PRACTICE, SESSION)
    return run


async def due(records: Records, now: object = NOW, limit: int = 10) -> list[tuple[str, str, str]]:
    """Return practice, session and id of the runs that are due."""
    items = await records.store.due(RUN_QUEUES, now, limit)
    return [(run.practice_id, run.session_id, run.id) for run in records.runs.known(items)]


async def test_a_sessions_runs_come_oldest_first(records: Records) -> None:
    new, old = a_run(id="a", created_at=NOW + SECOND), a_run(id="b", created_at=NOW)
    await write(records, new, a_run(id="c", created_at=NOW), old)
    runs = await records.runs.of_session(PRACTICE, SESSION)
    assert [run.id for run in runs] == ["b", "c", "a"]


async def test_a_session_that_is_not_there_has_no_runs(records: Records) -> None:
    assert await records.runs.of_session(PRACTICE, "missing") == ()


async def test_another_practices_runs_are_not_seen(records: Records) -> None:
    await write(records, a_run())
    assert await records.runs.of_session(OTHER_PRACTICE, SESSION) == ()


async def test_each_write_counts_the_version(records: Records) -> None:
    await write(records, a_run())
    assert await stored(records) == a_run(version=1)
    await write(records, taken(a_run(version=1)))
    assert await stored(records) == taken(a_run(version=2))


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_writing_another_version_than_the_stored_one_loses_the_lease(
    records: Records, version: int
) -> None:
    await write(records, a_run(), taken(a_run(version=1)))
    with pytest.raises(LeaseLost):
        await write(records, done(a_run(version=version)))
    assert await stored(records) == taken(a_run(version=2))


async def test_a_run_that_is_not_there_has_no_lease(records: Records) -> None:
    with pytest.raises(LeaseLost):
        await write(records, a_run(version=1))
    assert await records.runs.of_session(PRACTICE, SESSION) == ()


async def test_a_run_of_another_practice_can_not_be_written(records: Records) -> None:
    await write(records, a_run())
    with pytest.raises(LeaseLost):
        await write(records, done(a_run(version=1, practice_id=OTHER_PRACTICE)))
    assert await stored(records) == a_run(version=1)


async def test_of_workers_that_claim_at_once_exactly_one_gets_the_run(
    records: Records, replica: Records
) -> None:
    await write(records, a_run())
    claims = [taken(a_run(version=1), lease=f"worker-{number}") for number in range(8)]
    won, lost = await at_once(
        *(write(each, claim) for each, claim in zip([records, replica] * 4, claims, strict=True))
    )
    assert lost == [LeaseLost] * 7
    assert await stored(records) == replace(claims[won[0]], version=2)


async def test_a_beat_keeps_the_lease_and_a_second_worker_out(
    records: Records, replica: Records
) -> None:
    mine = taken(a_run(version=1))
    await write(records, a_run(), mine)
    mine = replace(mine, version=2)
    later = NOW + 20 * SECOND
    beat = beaten(mine, now=later, hold=HOLD, stage="listening", progress=0.5)
    await write(records, beat)
    assert (await stored(replica)).progress == 0.5
    assert await due(records, NOW + 40 * SECOND) == []
    with pytest.raises(LeaseLost):
        await write(replica, mine)


async def test_a_run_is_due_from_its_moment_on(records: Records) -> None:
    await write(records, a_run(due_at=NOW + SECOND))
    assert await due(records) == []
    assert await due(records, NOW + SECOND) == [(PRACTICE, SESSION, "run-1")]


async def test_a_claimed_run_is_due_again_when_its_lease_ends(records: Records) -> None:
    await write(records, a_run(), taken(a_run(version=1)))
    assert await due(records, NOW + HOLD - SECOND) == []
    assert len(await due(records, NOW + HOLD)) == 1


async def test_a_run_that_was_put_back_is_due_at_once(records: Records) -> None:
    await write(records, a_run(), taken(a_run(version=1)))
    await write(records, put_back(taken(a_run(version=2)), now=NOW + SECOND))
    assert len(await due(records, NOW + SECOND)) == 1


async def test_a_run_that_is_over_is_never_due(records: Records) -> None:
    await write(records, a_run(), a_run(id="run-2"), done(a_run(version=1)))
    broken = failed(
        a_run(id="run-2", version=1), error_class=ErrorClass.PERMANENT, code="decode", now=NOW
    )
    await write(records, broken)
    assert await due(records, NOW + 1000 * MINUTE) == []


async def test_a_failed_run_that_is_asked_for_again_is_due_again(records: Records) -> None:
    broken = failed(a_run(version=1), error_class=ErrorClass.PERMANENT, code="decode", now=NOW)
    await write(records, a_run(), broken, again(replace(broken, version=2), place=NOW))
    assert len(await due(records)) == 1


async def test_due_runs_of_any_practice_come_longest_due_first(records: Records) -> None:
    await write(
        records,
        a_run(session_id="s2", due_at=NOW - SECOND),
        a_run(session_id="s1", due_at=NOW),
        a_run(session_id="s4", due_at=NOW + SECOND),
        a_run(session_id="s3", due_at=NOW - MINUTE, practice_id=OTHER_PRACTICE),
        a_run(session_id="s5", due_at=NOW - 2 * SECOND, kind=RunKind.SCORE),
    )
    assert await due(records) == [
        (OTHER_PRACTICE, "s3", "run-1"),
        (PRACTICE, "s5", "run-1"),
        (PRACTICE, "s2", "run-1"),
        (PRACTICE, "s1", "run-1"),
    ]


async def test_no_more_due_runs_are_given_than_asked_for(records: Records) -> None:
    await write(records, *(a_run(id=f"run-{number}") for number in range(3)))
    for limit in (1, 2, 9):
        assert len(await due(records, limit=limit)) == min(limit, 3)


@pytest.mark.parametrize("kind", RunKind)
async def test_each_kind_waits_in_a_queue_of_its_own(records: Records, kind: RunKind) -> None:
    await write(records, a_run(kind=kind))
    for queue in RUN_QUEUES:
        found = await records.store.due([queue], NOW, 10)
        assert len(found) == (queue == run_queue(kind))


async def test_no_two_odd_ids_share_a_run(records: Records) -> None:
    runs = [a_run(id=run_id, stage=f"{at}") for at, run_id in enumerate(ODD_IDS)]
    await write(records, *runs)
    found = {run.id: run for run in await records.runs.of_session(PRACTICE, SESSION)}
    assert found == {run.id: replace(run, version=1) for run in runs}


async def test_what_is_no_unicode_is_refused_without_quoting_it(records: Records) -> None:
    for run in (a_run(id=NO_UNICODE), a_run(stage=NO_UNICODE)):
        with pytest.raises(InvalidInput) as caught:
            await write(records, run)
        assert "said" not in str(caught.value)
    assert await records.store.list(session_partition(PRACTICE, SESSION)) == ()
