"""POST /sessions/{id}/rerun: another machine's version beside, whatever becomes of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.http.clinic import SCRIPT, Clinic, check_problem, open_clinic
from tests.http.test_versions import lines_of, saying, versions_of
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import EngineFailed
from therapy.domain.run import RunKind


async def rerun(clinic: Clinic, session_id: str, **asked: Any) -> Any:
    return await clinic.post(f"/sessions/{session_id}/rerun", json=asked)


async def state_of(clinic: Clinic, session_id: str) -> tuple[str, str | None, int | None]:
    """Return the state of the session, of its rerun, and the version that this made."""
    shown = (await clinic.get(f"/sessions/{session_id}")).json()
    again = shown["rerun"] or {"state": None, "version": None}
    return shown["state"], again["state"], again["version"]


async def test_a_rerun_writes_a_version_beside_and_touches_no_human_one(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    before = await lines_of(clinic, session_id)
    assert await state_of(clinic, session_id) == ("closed", None, None)
    assert (await rerun(clinic, session_id, languages=["he-IL"])).status_code == 202
    assert await state_of(clinic, session_id) == ("closed", "waiting", None)
    await clinic.work()
    assert await state_of(clinic, session_id) == ("closed", "done", 3)
    assert await lines_of(clinic, session_id) == before
    last = (await versions_of(clinic, session_id))["items"][-1]
    told = {name: last[name] for name in ("number", "parent", "source", "author", "in_force")}
    assert told == {"number": 3, "parent": 0, "source": "rerun", "author": None, "in_force": False}
    version = (await clinic.get(f"/sessions/{session_id}/versions/3")).json()
    assert version["language"] == "he-IL"


async def test_what_is_submitted_after_a_rerun_is_numbered_after_it(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    await rerun(clinic, session_id)
    await clinic.work()
    assert await state_of(clinic, session_id) == ("awaiting_review", "done", 2)
    lines = await saying(clinic, session_id, "Mine.")
    path, headers = f"/sessions/{session_id}/submit", {"If-Match": '"1"'}
    answer = await clinic.post(path, json={"lines": lines}, headers=headers)
    assert answer.status_code == 202
    items = (await versions_of(clinic, session_id))["items"]
    assert [(each["number"], each["parent"]) for each in items] == [(1, 0), (2, 0), (3, 1)]


async def test_eight_reruns_at_one_moment_are_one(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    answers = await asyncio.gather(*(rerun(clinic, session_id) for _ in range(8)))
    assert {each.status_code for each in answers} == {202}
    runs = await clinic.records.runs.of_session("practice-1", session_id)
    assert sum(each.kind is RunKind.RERUN for each in runs) == 1
    other = await rerun(clinic, session_id, languages=["he-IL"])
    check_problem(other, 409, "rerun_under_way")
    await clinic.work()
    assert len((await versions_of(clinic, session_id))["items"]) == 3


async def test_a_rerun_that_fails_leaves_the_session_and_eight_retries_are_one(
    tmp_path: Path,
) -> None:
    speech = MemorySpeech(SCRIPT)
    async with open_clinic(tmp_path, speech=speech) as clinic:
        session_id = await clinic.closed()
        speech.failure = EngineFailed("model", transient=False)
        await rerun(clinic, session_id)
        await clinic.work()
        assert await state_of(clinic, session_id) == ("closed", "failed", None)
        shown = (await clinic.get(f"/sessions/{session_id}")).json()
        assert shown["failure"] is None
        assert shown["rerun"]["failure"]["code"] == "model"
        speech.failure = None
        path = f"/sessions/{session_id}/retry"
        answers = await asyncio.gather(*(clinic.post(path) for _ in range(8)))
        assert {each.status_code for each in answers} <= {202, 409}
        assert 202 in {each.status_code for each in answers}
        await clinic.work()
        assert await state_of(clinic, session_id) == ("closed", "done", 3)


async def test_a_session_without_a_transcript_is_not_recognised_again(clinic: Clinic) -> None:
    session_id = await clinic.session()
    check_problem(await rerun(clinic, session_id), 409, "no_transcript")


async def test_cancelling_a_session_stops_its_rerun(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    await rerun(clinic, session_id)
    assert (await clinic.ask("DELETE", f"/sessions/{session_id}")).status_code == 204
    await clinic.work()
    runs = await clinic.records.runs.of_session("practice-1", session_id)
    assert all(each.over for each in runs)
    check_problem(await clinic.get(f"/sessions/{session_id}/versions/2"), 404, "not_found")


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"engine": "another"}, "engine_not_installed", "engine"),
        ({"languages": ["no language"]}, "languages", "languages"),
        ({"speed": 2}, "unknown_field", "speed"),
    ],
)
async def test_what_can_not_be_asked_of_a_rerun_is_named(
    clinic: Clinic, asked: dict[str, Any], code: str, field: str
) -> None:
    session_id = await clinic.reviewable()
    answer = await rerun(clinic, session_id, **asked)
    problem = check_problem(answer, 400, code, field=field)
    if code == "engine_not_installed":
        assert problem["engines"] == "local"
        assert (await rerun(clinic, session_id, engine="local")).status_code == 202


async def test_reruns_share_the_limit_of_what_may_wait_but_keep_no_recording_out(
    tmp_path: Path,
) -> None:
    few = {"THERAPY_WAITING_SESSIONS": "2"}
    async with open_clinic(tmp_path, environment=few) as clinic:
        sessions = [await clinic.closed() for _ in range(3)]
        for each in sessions[:2]:
            assert (await rerun(clinic, each)).status_code == 202
        check_problem(await rerun(clinic, sessions[2]), 429, "too_many_waiting")
        await clinic.session()
