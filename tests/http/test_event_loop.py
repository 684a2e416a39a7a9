"""What a long transcript costs the event loop: nothing that grows with its lines, on any call.

Counted in steps of the interpreter on the loop's own thread, not in seconds. What C does in one step
(JSON) is told by the thread in which it is done.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar, post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import Struct

from tests.builders import an_utterance
from tests.http.clinic import OLIVIA, Clinic, as_the_app, open_clinic
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.codec import LONG
from therapy.domain.sentiment import Scores
from therapy.domain.transcript import Speaker
from therapy.entrypoints.http.json_bodies import JsonRequest, json_response
from therapy.entrypoints.http.long_bodies import LongBodies

FEW, MANY = 20, 20_000


class Steps:
    """Counts steps of this thread."""

    def __init__(self) -> None:
        self.taken = 0

    def note(self, frame: FrameType, event: str, _: object) -> Any:
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        self.taken += event == "opcode"
        return self.note


@contextmanager
def counted() -> Iterator[Steps]:
    steps, before = Steps(), sys.gettrace()
    sys.settrace(steps.note)
    try:
        yield steps
    finally:
        sys.settrace(before)


def spoken(lines: int) -> MemorySpeech:
    return MemorySpeech(
        tuple(
            an_utterance(
                "I am glad." if at % 2 else "How are you?",
                at * 100,
                speaker=Speaker.UNKNOWN,
                voice=str(at % 2),
            )
            for at in range(lines)
        )
    )


class OneScore(MemorySentiment):
    """Gives everything the same score, so that what is counted is the program's work, not the fake's."""

    async def score(self, practice_id, texts, language):
        return (Scores(0.5, 0.5, 0.0),) * len(texts)


async def steps_of(
    clinic: Clinic, method: str, path: str, content: bytes = b"", tag: str = "*"
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {clinic.token(OLIVIA)}"} | (
        {"If-Match": tag} if tag else {}
    )
    with counted() as steps:
        answer = await clinic.client.request(method, path, content=content, headers=headers)
    assert answer.status_code in {200, 202}, answer.text
    return steps.taken, answer


async def steps_of_a_draft(clinic: Clinic, session_id: str) -> dict[str, int]:
    """The steps of each call about a draft in which every line is changed."""
    taken, path = {}, f"/sessions/{session_id}/draft"
    for name, more, body in (
        ("begin", "/speakers", {"swap": True}),
        ("swap", "/speakers", {"swap": True}),
        ("swap again", "/speakers", {"swap": True}),
        ("split", "/lines", {"split": {"start_ms": 0, "at_word": 1}}),
        ("replace", "/replace", {"find": "are", "replace_with": "were"}),
        ("preview", "/replace", {"find": "a", "replace_with": "b", "preview": True}),
    ):
        tag = "" if name == "begin" else "*"
        content = json.dumps(body).encode()
        taken[name], _ = await steps_of(clinic, "POST", path + more, content, tag)
    taken["draft"], answer = await steps_of(clinic, "GET", path)
    draft = answer.json()
    content = json.dumps(draft | {"lines": draft["lines"][:-1]}).encode()
    taken["save"], _ = await steps_of(clinic, "PUT", path, content)
    return taken


async def steps_of_a_session(directory: Any, lines: int) -> dict[str, int]:
    """The steps of each call on the way of a session with so many lines."""
    async with open_clinic(directory, speech=spoken(lines), sentiment=OneScore()) as clinic:
        session_id = await clinic.reviewable()
        taken = {}
        taken["transcript"], answer = await steps_of(
            clinic, "GET", f"/data/transcript/{session_id}"
        )
        content = json.dumps(as_the_app(answer.json()["transcript"])).encode()
        taken |= await steps_of_a_draft(clinic, session_id)
        for name in ("submit", "submit again"):
            taken[name], _ = await steps_of(
                clinic, "PUT", f"/data/transcript/{session_id}", content
            )
        taken["transcript in force"], answer = await steps_of(
            clinic, "GET", f"/sessions/{session_id}/transcript"
        )
        assert len(answer.json()["lines"]) == lines
        taken["state"], _ = await steps_of(clinic, "GET", f"/sessions/{session_id}")
        with counted() as steps:
            await clinic.work()
        taken["closing"] = steps.taken
        taken["details"], answer = await steps_of(clinic, "GET", f"/sessions/{session_id}/details")
        assert len(answer.json()["sentiment_scores"]) == lines
        taken["version"], answer = await steps_of(
            clinic, "GET", f"/sessions/{session_id}/versions/1"
        )
        amendment = {"reason": "misheard", "lines": answer.json()["lines"]}
        path, content = f"/sessions/{session_id}/amendments", json.dumps(amendment).encode()
        for name in ("amend", "amend again"):
            taken[name], _ = await steps_of(clinic, "POST", path, content, '"2"')
        with counted() as steps:
            await clinic.work()
        taken["scoring an amendment"] = steps.taken
    return taken


@pytest.mark.slow
async def test_no_call_takes_steps_for_every_line_of_a_transcript(tmp_path):
    few = await steps_of_a_session(tmp_path / "few", FEW)
    many = await steps_of_a_session(tmp_path / "many", MANY)
    assert {
        name: steps - few[name] for name, steps in many.items() if steps - few[name] > MANY
    } == {}


class ReadIn(Struct):
    """Notes in which thread it was decoded."""

    word: str
    thread: int = 0

    def __post_init__(self) -> None:
        self.thread = threading.get_ident()


@post("/array", status_code=200, sync_to_thread=False)
def array(data: JSONBody[list[ReadIn]]) -> list[int]:
    return sorted({each.thread for each in data})


@post("/object", status_code=200, sync_to_thread=False)
def an_object(data: JSONBody[ReadIn]) -> list[int]:
    return [data.thread]


@pytest.mark.parametrize(
    ("path", "content", "beside"),
    [
        ("/array", [{"word": "a" * 100}] * (LONG // 100), True),
        ("/array", [{"word": "a"}], False),
        ("/object", {"word": "a" * LONG}, True),
        ("/object", {"word": "a"}, False),
    ],
    ids=["long array", "short array", "long object", "short object"],
)
async def test_a_long_body_is_decoded_beside_the_event_loop(path, content, beside):
    state = State({"long_bodies": LongBodies(most_of_one=1, most_in_all=1)})
    transport = ASGITransport(
        Litestar([array, an_object], logging_config=None, request_class=JsonRequest, state=state)
    )
    async with AsyncClient(transport=transport, base_url="http://clinic.test") as client:
        (thread,) = (await client.post(path, json=content)).json()
    assert (thread != threading.get_ident()) is beside


async def test_an_answer_about_a_transcript_is_made_beside_the_event_loop():
    answer = await json_response(lambda: [threading.get_ident()], {"ETag": '"1"'})
    assert json.loads(answer.content) != [threading.get_ident()]
    assert answer.headers["ETag"] == '"1"'
