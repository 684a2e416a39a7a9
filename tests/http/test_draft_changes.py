"""POST /sessions/{id}/draft/speakers, /draft/replace and /draft/lines."""

import pytest

from tests.http.clinic import check_problem
from tests.http.drafts import draft_of, having, lines_of, path_of, post, save


@pytest.fixture
async def session_id(clinic):
    return await clinic.reviewable()


async def in_force(clinic, session_id):
    return (await clinic.get(f"/sessions/{session_id}/transcript")).json()["version"]


# --- POST /sessions/{id}/draft/speakers -----------------------------------------------------------


def speakers(told):
    return [each["speaker"][0] for each in told["lines"]]


async def test_post_draft_speakers_swaps_assigns_a_voice_and_a_stretch_and_from_here_on(
    clinic, session_id
):
    for body, expected in [
        ({"swap": True}, "PTPTU"),
        ({"swap": True}, "TPTPU"),
        ({"voice": "1", "speaker": "Unknown"}, "TUTUU"),
        ({"from_ms": 3_000, "to_ms": 9_500, "speaker": "Patient"}, "TPPUU"),
        ({"from_ms": 9_500, "speaker": "Therapist"}, "TPPTT"),
        ({"voice": "", "speaker": "Patient"}, "TPPTP"),
    ]:
        answer = await post(clinic, session_id, "/speakers", body)
        assert answer.status_code == 200, answer.text
        assert "".join(speakers(answer.json())) == expected, body
        assert (await clinic.get(path_of(session_id))).headers["etag"] == answer.headers["etag"]
    assert len(answer.json()["lines"][0]["words"]) == 3
    assert await in_force(clinic, session_id) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "one_of"),
        ({"swap": False}, "one_of"),
        ({"swap": True, "speaker": "Patient"}, "one_of"),
        ({"swap": True, "voice": "1", "speaker": "Patient"}, "one_of"),
        ({"voice": "1"}, "one_of"),
        ({"voice": "1", "from_ms": 0, "speaker": "Patient"}, "one_of"),
        ({"speaker": "Patient"}, "one_of"),
        ({"voice": "1", "to_ms": 5, "speaker": "Patient"}, "required"),
        ({"from_ms": 5, "to_ms": 5, "speaker": "Patient"}, "invalid"),
        ({"from_ms": -1, "speaker": "Patient"}, "invalid"),
        ({"voice": "7", "speaker": "Patient"}, "no_such_voice"),
        ({"voice": "1", "speaker": "Chorus"}, "invalid"),
        ({"everyone": True}, "unknown_field"),
    ],
)
async def test_post_draft_speakers_that_says_not_one_thing_changes_nothing(
    clinic, session_id, body, code
):
    check_problem(await post(clinic, session_id, "/speakers", body), 400, code)
    check_problem(await clinic.get(path_of(session_id)), 404, "no_draft")


async def test_changes_of_a_draft_honour_if_match_and_are_done_once_under_a_key(clinic, session_id):
    first = await save(clinic, session_id)
    swap = {"swap": True}
    other = {"If-Match": '"other"'}
    check_problem(await post(clinic, session_id, "/speakers", swap, **other), 412, "draft_changed")
    headers = having(first) | {"Idempotency-Key": "swap-1"}
    answers = [await post(clinic, session_id, "/speakers", swap, **headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert "".join(speakers(answers[0].json())) == "PTPTU"


async def test_a_replacement_that_is_sent_again_under_its_key_is_answered_again(clinic, session_id):
    first = await save(clinic, session_id)
    word = (await lines_of(clinic, session_id))[0]["text"].split()[0]
    body = {"find": word, "replace_with": "Zanzibar"}
    headers = having(first) | {"Idempotency-Key": "replace-1"}
    answers = [await post(clinic, session_id, "/replace", body, **headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]


# --- POST /sessions/{id}/draft/replace ------------------------------------------------------------


async def test_post_draft_replace_previews_and_replaces_whole_words(clinic, session_id):
    body = {"find": "my", "replace_with": "Her", "whole_words": True, "preview": True}
    preview = await post(clinic, session_id, "/replace", body)
    assert preview.status_code == 200
    told = preview.json()
    assert told["count"] == 1
    assert [each["text"] for each in told["lines"]] == [
        "Her sister did. I was sad and alone before."
    ]
    assert "etag" not in preview.headers
    check_problem(await clinic.get(path_of(session_id)), 404, "no_draft")
    done = await post(clinic, session_id, "/replace", body | {"preview": False})
    assert done.json() == told
    draft = await clinic.get(path_of(session_id))
    assert draft.headers["etag"] == done.headers["etag"]
    assert draft.json()["lines"][3]["text"].startswith("Her sister")
    nothing = await post(clinic, session_id, "/replace", body)
    assert nothing.json() == {"count": 0, "lines": []}


@pytest.mark.parametrize(
    "body",
    [
        {"find": "", "replace_with": "a"},
        {"find": "  ", "replace_with": "a"},
        {"find": "a" * 201, "replace_with": "a"},
        {"find": "a", "replace_with": "b" * 201},
        {"find": "a"},
        {"find": "a", "replace_with": "b", "regex": True},
        {"find": "a\0", "replace_with": "b"},
    ],
)
async def test_post_draft_replace_of_nothing_or_too_much_is_refused(clinic, session_id, body):
    check_problem(await post(clinic, session_id, "/replace", body), 400)
    check_problem(await clinic.get(path_of(session_id)), 404, "no_draft")


async def test_post_draft_replace_does_not_grow_a_draft_beyond_its_bound(clinic, session_id):
    line = {"start_ms": 0, "speaker": "Patient", "text": "a" * 50_000}
    await save(clinic, session_id, lines=[line])
    body = {"find": "a", "replace_with": "b" * 200}
    check_problem(await post(clinic, session_id, "/replace", body), 413, "too_much_replaced")
    assert (await draft_of(clinic, session_id))["lines"][0]["text"] == line["text"]


# --- POST /sessions/{id}/draft/lines --------------------------------------------------------------


async def test_post_draft_lines_splits_and_merges_and_words_keep_their_times(clinic, session_id):
    lines = await lines_of(clinic, session_id)
    merge = {"merge": [lines[0]["start_ms"], lines[1]["start_ms"]]}
    one = (await post(clinic, session_id, "/lines", merge)).json()["lines"][0]
    assert one["text"] == "How did you sleep this week? I slept better, and I feel glad."
    split = {"split": {"start_ms": 0, "at_word": 6}}
    told = (await post(clinic, session_id, "/lines", split)).json()["lines"]
    assert [each["text"] for each in told] == [each["text"] for each in lines]
    starts = [each["start_ms"] for each in told]
    assert starts == sorted({*starts})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "one_of"),
        ({"split": {"start_ms": 0, "at_word": 1}, "merge": [0, 3_000]}, "one_of"),
        ({"split": {"start_ms": 1, "at_word": 1}}, "no_such_line"),
        ({"split": {"start_ms": 0, "at_word": 60}}, "no_such_word"),
        ({"split": {"start_ms": 0, "at_word": 0}}, "invalid"),
        ({"merge": [0]}, "merge_two_lines"),
        ({"merge": [0, 7_000]}, "lines_not_neighbours"),
        ({"merge": [0, 0]}, "lines_not_neighbours"),
    ],
)
async def test_post_draft_lines_that_can_not_be_done_changes_nothing(
    clinic, session_id, body, code
):
    check_problem(await post(clinic, session_id, "/lines", body), 400, code)
    check_problem(await clinic.get(path_of(session_id)), 404, "no_draft")
