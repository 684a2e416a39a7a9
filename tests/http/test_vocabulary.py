"""GET and PUT /practice/vocabulary: what engines are told, and what is corrected in new transcripts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import Response
from msgspec.structs import replace

from tests.builders import an_utterance
from tests.http.clinic import ALEX, JORDAN, NOA, OLIVIA, Clinic, check_problem, open_clinic
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.transcript import Word
from therapy.domain.vocabulary import MOST_CORRECTIONS, MOST_TERMS
from therapy.ports.speech import SpeechEvent, SpeechOptions

WORDS: dict[str, Any] = {
    "terms": ["Sertraline", "ד״ר לוי"],
    "corrections": [{"heard": "sir taline", "correct": "sertraline"}],
}
FIRST = {"If-None-Match": "*"}
PATH = "/practice/vocabulary"


class ListeningSpeech(MemorySpeech):
    """An engine that remembers its hints."""

    hints: tuple[str, ...] = ()

    async def transcribe(
        self, practice_id: str, pcm: AsyncIterator[bytes], options: SpeechOptions
    ) -> AsyncIterator[SpeechEvent]:
        self.hints = options.hints
        async for event in super().transcribe(practice_id, pcm, options):
            yield event


async def put(
    clinic: Clinic, words: object = None, person: Any = OLIVIA, **headers: str
) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()} or FIRST
    return await clinic.ask("PUT", PATH, person, json=words or WORDS, headers=named)


async def test_a_vocabulary_is_empty_until_somebody_writes_one(clinic: Clinic) -> None:
    answer = await clinic.get(PATH)
    assert answer.json() == {"terms": [], "corrections": []}
    assert answer.headers["etag"] == '"0"'


async def test_any_therapist_of_the_practice_reads_and_writes_it_and_nobody_else(
    clinic: Clinic,
) -> None:
    answer = await put(clinic)
    assert (answer.status_code, answer.json()) == (200, WORDS)
    assert answer.headers["etag"] == '"1"'
    read = await clinic.get(PATH, ALEX)
    assert (read.json(), read.headers["etag"]) == (WORDS, '"1"')
    more = WORDS | {"terms": ["CBT"]}
    assert (await put(clinic, more, ALEX, If_Match='"1"')).headers["etag"] == '"2"'
    assert (await clinic.get(PATH, NOA)).json() == {"terms": [], "corrections": []}
    check_problem(await clinic.get(PATH, JORDAN), 403, "forbidden")
    check_problem(await put(clinic, WORDS, JORDAN), 403, "forbidden")


async def test_of_two_who_write_the_second_is_told_that_it_was_changed(clinic: Clinic) -> None:
    await put(clinic)
    other = WORDS | {"terms": ["CBT"]}
    for headers in ({"If-Match": '"0"'}, {"If-Match": '"2"'}, {"If-Match": 'W/"1"'}, FIRST):
        answer = await clinic.ask("PUT", PATH, json=other, headers=headers)
        problem = check_problem(answer, 412, "vocabulary_changed")
        assert (answer.headers["etag"], problem["version"]) == ('"1"', 1)
    assert (await clinic.get(PATH)).json() == WORDS
    assert (await put(clinic, other, If_Match='"1"')).headers["etag"] == '"2"'
    assert (await put(clinic, other, If_Match='"1"')).headers[
        "etag"
    ] == '"2"'  # its answer was lost
    assert (await put(clinic, WORDS, If_Match="*")).headers["etag"] == '"3"'


async def test_a_vocabulary_says_which_one_it_replaces(clinic: Clinic) -> None:
    answer = await clinic.ask("PUT", PATH, json=WORDS)
    check_problem(answer, 428, "precondition_required")
    assert (await put(clinic, If_Match='"0"')).status_code == 200


def corrections(count: int) -> dict[str, Any]:
    pairs = [{"heard": f"heard {n}", "correct": f"right {n}"} for n in range(count)]
    return {"terms": [], "corrections": pairs}


@pytest.mark.parametrize(
    ("words", "code", "field", "says"),
    [
        ({"terms": ["x"] * 10_000, "corrections": []}, "too_many_terms", "terms", "500"),
        (corrections(10_000), "too_many_corrections", "corrections", "500"),
        ({"terms": ["x", "y" * 101], "corrections": []}, "too_long_term", "terms[1]", "100"),
        ({"terms": [".*"], "corrections": []}, "no_word", "terms[0]", "terms[0]"),
        ({"terms": [], "corrections": [], "more": 1}, "unknown_field", "more", ""),
        ({"terms": []}, "required", "corrections", ""),
        ({"terms": [7], "corrections": []}, "invalid", "terms[0]", ""),
    ],
)
async def test_too_much_and_what_is_no_vocabulary_is_refused_with_what_is_allowed(
    clinic: Clinic, words: dict[str, Any], code: str, field: str, says: str
) -> None:
    problem = check_problem(await put(clinic, words), 400, code, field)
    assert says in problem["error"]
    assert (await clinic.get(PATH)).headers["etag"] == '"0"'


async def test_as_much_as_is_allowed_is_taken(clinic: Clinic) -> None:
    words = corrections(MOST_CORRECTIONS) | {"terms": [f"מונח {n}" for n in range(MOST_TERMS)]}
    assert (await put(clinic, words)).json() == words


async def test_what_is_recognised_from_then_on_is_recognised_with_it(tmp_path) -> None:
    said = an_utterance("I take sir taline.", 0, voice="1")
    words = tuple(
        Word(text, 200 * n, 200 * n + 200, 0.8) for n, text in enumerate(said.text.split())
    )
    speech = ListeningSpeech(
        [replace(said, words=words), an_utterance("[a-z]+ works", 3_000, voice="0")]
    )
    async with open_clinic(tmp_path, speech=speech) as clinic:
        before = await clinic.reviewable()
        assert speech.hints == ()
        pattern = {"heard": "[a-z]+", "correct": "nothing"}
        await put(clinic, WORDS | {"corrections": [*WORDS["corrections"], pattern]})
        after = await clinic.reviewable(summary="another")
        assert speech.hints == ("Sertraline", "ד״ר לוי", "sertraline", "nothing")
        lines = (await clinic.get(f"/sessions/{after}/transcript")).json()["lines"]
        assert [each["text"] for each in lines] == ["I take sertraline.", "[nothing works"]
        assert [each["heard"] for each in lines] == ["I take sir taline.", "[a-z]+ works"]
        assert [each["flags"] for each in lines] == [["vocabulary"]] * 2
        assert lines[0]["words"] == [
            ["I", 0, 200, 0.8],
            ["take", 200, 400, 0.8],
            ["sertraline.", 400, 800, 0.8],
        ]
        shown = (await clinic.get(f"/sessions/{after}")).json()
        assert shown["heard"]["doubtful_lines"] == []
        first = (await clinic.get(f"/sessions/{before}/transcript")).json()["lines"][0]
        assert (first["text"], first["heard"], first["flags"]) == ("I take sir taline.", "", [])


async def test_a_rerun_uses_the_vocabulary_of_today_unless_it_is_told_not_to(tmp_path) -> None:
    speech = ListeningSpeech([an_utterance("I take sir taline.", 0, voice="1")])
    async with open_clinic(tmp_path, speech=speech) as clinic:
        session_id = await clinic.reviewable()
        await put(clinic)
        path, told = f"/sessions/{session_id}", []
        for body in ({}, {"vocabulary": False}):
            assert (await clinic.post(f"{path}/rerun", json=body)).status_code == 202
            await clinic.work()
            told.append(bool(speech.hints))
        texts = []
        for number in (1, 2, 3):
            version = (await clinic.get(f"{path}/versions/{number}")).json()
            texts += [each["text"] for each in version["lines"]]
        assert texts == ["I take sir taline.", "I take sertraline.", "I take sir taline."]
        assert told == [True, False]
        assert (await clinic.get(f"{path}/transcript")).json()["version"] == 1


async def test_a_rerun_that_is_under_way_is_not_changed_by_another_wish(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    path = f"/sessions/{session_id}/rerun"
    assert (await clinic.post(path)).status_code == 202
    check_problem(await clinic.post(path, json={"vocabulary": False}), 409, "rerun_under_way")
    check_problem(await clinic.post(path, json={"vocabulary": "x"}), 400, "invalid", "vocabulary")
