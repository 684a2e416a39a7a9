"""POST /sessions/{id}/amendments and /restore: a closed session's transcript changes for its readers."""

import asyncio
from typing import Any

import pytest
from httpx import Response

from tests.http.clinic import JORDAN, OLIVIA, Clinic, check_problem, open_clinic
from tests.http.test_versions import lines_of, saying, versions_of
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.domain.errors import EngineFailed


class BrokenSentiment(MemorySentiment):
    """Fails for good as long as it `is_broken`."""

    is_broken = False

    async def score(self, practice_id: str, texts: Any, language: str) -> Any:
        if self.is_broken:
            raise EngineFailed("engine_failed", transient=False)
        return await super().score(practice_id, texts, language)


async def amend(
    clinic: Clinic, session_id: str, lines: object, *, reason: object = "misheard", tag: str = '"2"'
) -> Response:
    path, headers = f"/sessions/{session_id}/amendments", {"If-Match": tag}
    return await clinic.post(path, json={"reason": reason, "lines": lines}, headers=headers)


async def restore(clinic: Clinic, session_id: str, number: int, **more: Any) -> Response:
    return await clinic.post(f"/sessions/{session_id}/restore", json={"version": number}, **more)


async def page_of(clinic: Clinic, session_id: str) -> dict[str, Any]:
    """Return what the patient reads."""
    page: dict[str, Any] = (await clinic.get(f"/sessions/{session_id}/details", JORDAN)).json()
    return page


async def found(clinic: Clinic, query: str) -> list[str]:
    answer = await clinic.get("/sessions/search", params={"query": query})
    return [each["id"] for each in answer.json()]


async def test_an_amendment_is_scored_searchable_and_on_the_patients_page(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    before = await page_of(clinic, session_id)
    lines = await saying(clinic, session_id, "I was sad, sad and alone in Zanzibar.")
    answer = await amend(clinic, session_id, lines)
    assert (answer.status_code, answer.json()) == (202, {"version": 3})
    assert await page_of(clinic, session_id) == before, "it is not scored yet"
    assert await found(clinic, "zanzibar") == []
    shown = (await clinic.get(f"/sessions/{session_id}")).json()
    assert (shown["state"], shown["amendment"]["state"]) == ("closed", "waiting")
    await clinic.work()
    after = await page_of(clinic, session_id)
    assert after["sentiment_scores"][1]["text"] == "I was sad, sad and alone in Zanzibar."
    assert after["sentiment_scores"][1]["negative"] > 0
    assert after["negative"] > before["negative"]
    assert await found(clinic, "zanzibar") == [session_id]
    listed = (await clinic.get("/sessions/me", JORDAN)).json()
    assert [each["negative"] for each in listed] == [after["negative"]]
    shown = (await clinic.get(f"/sessions/{session_id}")).json()
    told = {name: shown["amendment"][name] for name in ("state", "version", "failure")}
    assert told == {"state": "done", "version": 3, "failure": None}
    last = (await versions_of(clinic, session_id))["items"][-1]
    told = {name: last[name] for name in ("number", "parent", "source", "author", "reason")}
    assert told == {
        "number": 3,
        "parent": 2,
        "source": "amend",
        "author": OLIVIA.id,
        "reason": "misheard",
    }


async def test_an_amendment_sent_again_is_the_same_version(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    lines = await saying(clinic, session_id, "Something else.")
    answers = await asyncio.gather(*(amend(clinic, session_id, lines) for _ in range(8)))
    assert [each.json() for each in answers] == [{"version": 3}] * 8
    await clinic.work()
    assert (await amend(clinic, session_id, lines)).json() == {"version": 3}
    assert len((await versions_of(clinic, session_id))["items"]) == 3


async def test_of_different_amendments_at_one_moment_one_wins_whole(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    sent = [await saying(clinic, session_id, f"Number {number}.") for number in range(8)]
    answers = await asyncio.gather(*(amend(clinic, session_id, each) for each in sent))
    assert sorted(each.status_code for each in answers) == [202, *[409] * 7]
    refused = next(each for each in answers if each.status_code == 409)
    assert check_problem(refused, 409, "amendment_under_way")["version"] == 3
    await clinic.work()
    for lines in sent[:1], sent[-1:]:
        again = await amend(clinic, session_id, *lines)
        assert again.status_code in {202, 412}
    assert len((await versions_of(clinic, session_id))["items"]) == 3


async def test_an_amendment_of_a_stale_version_changes_nothing(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    answer = await amend(clinic, session_id, await lines_of(clinic, session_id), tag='"1"')
    check_problem(answer, 412, "version_changed")
    assert answer.headers["etag"] == '"2"'
    path = f"/sessions/{session_id}/amendments"
    body = {"reason": "x", "lines": await lines_of(clinic, session_id)}
    check_problem(await clinic.post(path, json=body), 428, "precondition_required")


@pytest.mark.parametrize("reason", ["", "  ", " \u200b\u200f", None, 7, "x" * 1_001, "a\x00b"])
async def test_an_amendment_without_a_reason_is_refused(clinic: Clinic, reason: object) -> None:
    session_id = await clinic.closed()
    lines = await lines_of(clinic, session_id)
    answer = await amend(clinic, session_id, lines, reason=reason)
    check_problem(answer, 400, field="reason")


async def test_an_open_session_is_not_amended(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    lines = await lines_of(clinic, session_id)
    answer = await amend(clinic, session_id, lines, tag='"1"')
    check_problem(answer, 409, "not_closed")


async def test_an_amendment_that_fails_leaves_the_session_and_can_be_tried_again(
    tmp_path: Any,
) -> None:
    sentiment = BrokenSentiment()
    async with open_clinic(tmp_path, sentiment=sentiment) as clinic:
        session_id = await clinic.closed()
        before = await page_of(clinic, session_id)
        sentiment.is_broken = True
        await amend(clinic, session_id, await saying(clinic, session_id, "I am glad."))
        await clinic.work()
        shown = (await clinic.get(f"/sessions/{session_id}")).json()
        assert (shown["state"], shown["failure"]) == ("closed", None)
        assert shown["amendment"]["state"] == "failed"
        assert shown["amendment"]["failure"]["code"] == "engine_failed"
        assert await page_of(clinic, session_id) == before
        sentiment.is_broken = False
        answer = await clinic.post(f"/sessions/{session_id}/retry")
        assert answer.status_code == 202
        await clinic.work()
        shown = (await clinic.get(f"/sessions/{session_id}")).json()
        assert shown["amendment"]["state"] == "done"
        assert (await page_of(clinic, session_id))["sentiment_scores"][1]["text"] == "I am glad."


async def test_an_amendment_that_failed_is_scored_when_it_is_sent_again(tmp_path: Any) -> None:
    sentiment = BrokenSentiment()
    async with open_clinic(tmp_path, sentiment=sentiment) as clinic:
        session_id = await clinic.closed()
        lines = await saying(clinic, session_id, "I am glad.")
        sentiment.is_broken = True
        await amend(clinic, session_id, lines)
        await clinic.work()
        sentiment.is_broken = False
        answers = await asyncio.gather(*(amend(clinic, session_id, lines) for _ in range(8)))
        assert [each.json() for each in answers] == [{"version": 3}] * 8
        await clinic.work()
        assert (await lines_of(clinic, session_id))[1]["text"] == "I am glad."


async def test_another_amendment_takes_the_place_of_one_that_failed(tmp_path: Any) -> None:
    sentiment = BrokenSentiment()
    async with open_clinic(tmp_path, sentiment=sentiment) as clinic:
        session_id = await clinic.closed()
        sentiment.is_broken = True
        await amend(clinic, session_id, await saying(clinic, session_id, "First."))
        await clinic.work()
        sentiment.is_broken = False
        answer = await amend(clinic, session_id, await saying(clinic, session_id, "Second."))
        assert answer.json() == {"version": 4}
        await clinic.work()
        assert (await lines_of(clinic, session_id))[1]["text"] == "Second."
        shown = (await clinic.get(f"/sessions/{session_id}")).json()
        assert (shown["amendment"]["state"], shown["amendment"]["version"]) == ("done", 4)
        numbers = [each["number"] for each in (await versions_of(clinic, session_id))["items"]]
        assert numbers == [1, 2, 3, 4]


async def test_a_version_is_restored_as_a_new_one_with_its_words(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    machine = await lines_of(clinic, session_id)
    lines = await saying(clinic, session_id, "Something else.")
    path, headers = f"/sessions/{session_id}/submit", {"If-Match": '"1"'}
    await clinic.post(path, json={"lines": lines}, headers=headers)
    await clinic.work()
    answers = await asyncio.gather(*(restore(clinic, session_id, 1) for _ in range(8)))
    assert [(each.status_code, each.json()) for each in answers] == [(202, {"version": 3})] * 8
    await clinic.work()
    assert await lines_of(clinic, session_id) == machine
    last = (await versions_of(clinic, session_id))["items"][-1]
    told = {name: last[name] for name in ("parent", "source", "author", "reason", "in_force")}
    assert told == {
        "parent": 2,
        "source": "restore",
        "author": OLIVIA.id,
        "reason": "Version 1 was restored.",
        "in_force": True,
    }


@pytest.mark.parametrize("number", [0, 3, -1, 10**18])
async def test_a_version_that_is_not_there_is_not_restored(clinic: Clinic, number: int) -> None:
    session_id = await clinic.closed()
    check_problem(await restore(clinic, session_id, number), 404, "version_not_found")


async def test_a_restoration_honours_if_match(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    stale = await restore(clinic, session_id, 1, headers={"If-Match": '"1"'})
    check_problem(stale, 412, "version_changed")
    fresh = await restore(clinic, session_id, 1, headers={"If-Match": '"2"'})
    assert fresh.status_code == 202
