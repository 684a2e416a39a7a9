"""GET /sessions/{id}/versions/{n}/diff?to={m}: what became of each line, in the shape that clients know."""

from typing import Any

import pytest

from tests.http.clinic import ALEX, JORDAN, Clinic, as_the_app, check_problem


async def corrected(clinic: Clinic) -> str:
    """Return a session whose transcript was changed in every way, once."""
    session_id = await clinic.reviewable()
    path = f"/data/transcript/{session_id}"
    lines = as_the_app((await clinic.get(path)).json()["transcript"])
    lines[0]["text"] += " לֹא"
    lines[1]["speaker"] = "Unknown"
    del lines[2]
    lines.append({"speaker": "Patient", "text": "Bye now.", "timestamp": "0:00:59.000"})
    assert (await clinic.ask("PUT", path, json=lines)).status_code == 202
    return session_id


async def changes(clinic: Clinic, session_id: str, one: int, other: int) -> list[dict[str, Any]]:
    answer = await clinic.get(f"/sessions/{session_id}/versions/{one}/diff", params={"to": other})
    assert answer.status_code == 200, answer.text
    (name,) = answer.json()
    assert name == "changes"
    return list(answer.json()["changes"])


async def lines_of(clinic: Clinic, session_id: str, version: int) -> list[dict[str, Any]]:
    answer = await clinic.get(f"/sessions/{session_id}/versions/{version}")
    return list(answer.json()["lines"])


async def test_two_versions_are_compared_line_by_line_and_word_by_word(clinic: Clinic) -> None:
    session_id = await corrected(clinic)
    old, new = await lines_of(clinic, session_id, 1), await lines_of(clinic, session_id, 2)
    found = await changes(clinic, session_id, 1, 2)
    assert [set(each) for each in found] == [{"kind", "from", "to", "words"}] * len(found)
    assert [each["kind"] for each in found] == [
        "replaced",
        "speaker",
        "removed",
        *["same"] * (len(old) - 3),
        "added",
    ]
    assert [each["from"] for each in found if each["from"]] == old
    assert [each["to"] for each in found if each["to"]] == new
    assert found[0]["words"][-2:] == [["same", old[0]["text"].split()[-1]], ["added", "לֹא"]]
    assert found[-1] == {
        "kind": "added",
        "from": None,
        "to": new[-1],
        "words": [["added", "Bye"], ["added", "now."]],
    }


async def test_versions_are_compared_either_way_and_with_themselves(clinic: Clinic) -> None:
    session_id = await corrected(clinic)
    back = await changes(clinic, session_id, 2, 1)
    assert (back[0]["words"][-1], back[-1]["kind"]) == (["removed", "לֹא"], "removed")
    assert {each["kind"] for each in await changes(clinic, session_id, 2, 2)} == {"same"}


@pytest.mark.parametrize(("one", "other"), [(1, 3), (3, 1), (0, 1), (1, 0), (1, -1), (1, 10**7)])
async def test_a_version_that_there_is_not_is_not_found(
    clinic: Clinic, one: int, other: int
) -> None:
    session_id = await corrected(clinic)
    path = f"/sessions/{session_id}/versions/{one}/diff"
    check_problem(await clinic.get(path, params={"to": other}), 404, "version_not_found")


async def test_two_versions_have_to_be_named(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    path = f"/sessions/{session_id}/versions/1/diff"
    check_problem(await clinic.get(path), 400, "required", "to")
    check_problem(await clinic.get(path, params={"to": "x"}), 400, "invalid", "to")


async def test_versions_are_compared_by_their_therapist_alone(clinic: Clinic) -> None:
    session_id = await corrected(clinic)
    for person in (ALEX, JORDAN):
        path = f"/sessions/{session_id}/versions/1/diff?to=2"
        check_problem(await clinic.get(path, person=person), 404, "not_found")
