"""Long bodies: what they may take in memory, for how long, and that what is wrong in one is still named."""

import asyncio
import json
import time
import tracemalloc
from contextlib import ExitStack
from typing import Annotated

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar, post
from litestar.datastructures import State
from litestar.params import JSONBody
from litestar.types import Empty
from litestar.utils.scope.state import ScopeState
from msgspec import Meta, Struct

from tests.http.server import serving
from therapy.domain.errors import TherapyError
from therapy.entrypoints.http.errors import on_therapy_error
from therapy.entrypoints.http.json_bodies import LONGEST_EXPLAINED, JsonRequest
from therapy.entrypoints.http.long_bodies import WORKED_ON_AT_ONCE, LongBodies

pytestmark = pytest.mark.slow  # they have real servers

LENGTH = LONGEST_EXPLAINED + LONGEST_EXPLAINED // 4
MOST = 20_000


class Said(Struct):
    """An item with a field that has to be there."""

    word: str


@post("/said", status_code=200, sync_to_thread=False, request_max_body_size=2 * LENGTH)
def said(data: JSONBody[Annotated[list[Said], Meta(max_length=MOST)]]) -> int:
    return len(data)


def a_client() -> AsyncClient:
    app = Litestar(
        [said],
        logging_config=None,
        request_class=JsonRequest,
        exception_handlers={TherapyError: on_therapy_error},
        state=State({"long_bodies": LongBodies(most_of_one=1, most_in_all=1), "language": "en"}),
    )
    return AsyncClient(transport=ASGITransport(app), base_url="http://clinic.test")


HOSTILE = {
    "numbers": b"[" + b"0," * (LENGTH // 2) + b"0]",
    "empty objects": b"[" + b"{}," * (LENGTH // 3) + b"{}]",
    "empty arrays": b"[" + b"[]," * (LENGTH // 3) + b"[]]",
    "one item full of objects": b'[{"word":[' + b"{}," * (LENGTH // 3) + b"{}]}]",
    "nothing but brackets": b"[" * LENGTH,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
async def test_an_array_of_what_it_may_not_have_takes_little_more_memory_than_its_bytes(body):
    async with a_client() as client:
        await client.post("/said", content=b"[]")  # what is made once is made
        tracemalloc.start()
        try:
            answer = await client.post("/said", content=body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert answer.status_code == 400
    assert peak < 12 * len(body)


@pytest.mark.parametrize(
    ("items", "code", "field"),
    [
        ([{"word": "a" * 100}] * (LENGTH // 100) + [{"word": 1}], "invalid", "[13107].word"),
        ([{"word": "a" * 100}] * (LENGTH // 100) + [{"other": 1}], "invalid", "body"),
        ([{"word": "a" * 100}] * (MOST + 1), "invalid", "body"),
        ([{"word": ["a" * LENGTH]}], "invalid", "[0]"),
        ({"word": "a" * LENGTH}, "invalid", "body"),
    ],
    ids=["a value", "a missing field", "too many", "a long item", "no array"],
)
async def test_what_is_wrong_in_a_long_array_is_named_as_far_as_it_is_found_cheaply(
    items, code, field
):
    async with a_client() as client:
        answer = await client.post("/said", json=items)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (400, code, field)


async def test_a_long_array_with_half_a_surrogate_pair_is_read():
    text = json.dumps([{"word": "a" * 100 + "\ud83d"}] * (LENGTH // 100))
    async with a_client() as client:
        assert (await client.post("/said", content=text)).json() == LENGTH // 100


def test_a_long_body_is_forgotten_with_its_answer_although_the_connection_stays_open(tmp_path):
    with serving(tmp_path) as server, server.connect() as connection:
        connection.head(server.token(), f"/data/transcript/{'a' * 32}", "PUT", length=LENGTH)
        connection.sock.sendall(b"[]".ljust(LENGTH))
        assert connection.answer().status == 404
        (protocol,) = server.http.server_state.connections
        assert ScopeState.from_scope(protocol.cycle.scope).body is Empty


def test_only_so_many_very_long_bodies_are_worked_on_at_once_and_the_others_wait(tmp_path):
    begun, go = [], asyncio.Event()

    @post("/held", status_code=200, request_max_body_size=2 * LENGTH)
    async def held(data: JSONBody[list[Said]]) -> int:
        begun.append(len(data))
        await go.wait()
        return len(data)

    async def let_go() -> None:
        go.set()

    limits = {"THERAPY_LONG_BODIES": "10"}
    with serving(tmp_path, environment=limits, handlers=[held]) as server, ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(WORKED_ON_AT_ONCE + 3)]
        for each in connections:
            each.head(server.token(), "/held", length=LENGTH)
            each.sock.sendall(b"[]".ljust(LENGTH))
        time.sleep(0.5)
        assert len(begun) <= WORKED_ON_AT_ONCE
        server.run(let_go())
        assert [each.answer().status for each in connections] == [200] * len(connections)
        assert len(begun) == len(connections)
