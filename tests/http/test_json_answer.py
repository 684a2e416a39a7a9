"""What a handler returns is sent as Litestar would send it, whichever of the two sends it."""

from typing import Any

import pytest
from litestar import Litestar, Response, get, post
from litestar.datastructures import Cookie
from litestar.testing import TestClient

from therapy.entrypoints.http.json_answer import JsonAnswer


@get("/value")
async def value() -> dict[str, str]:
    return {"name": "דנה"}


@get("/nothing")
async def nothing() -> None:
    return None


@post("/made")
async def made() -> list[int]:
    return [1, 2]


@post("/gone", status_code=204)
async def gone() -> None:
    return None


@get("/text", media_type="text/plain")
async def text() -> str:
    return "words"


@get("/headers", response_headers={"x-one": "1"}, response_cookies=[Cookie("c", "v")])
async def headers() -> dict[str, int]:
    return {"n": 1}


@get("/encoded", type_encoders={complex: str})
async def encoded() -> dict[str, Any]:
    return {"n": 1j}


HANDLERS = [value, nothing, made, gone, text, headers, encoded]


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda each: each.handler_name)
def test_an_answer_is_what_litestar_makes_of_it(handler: Any) -> None:
    answers = []
    for kind in (Response, JsonAnswer):
        app = Litestar(HANDLERS, response_class=kind, openapi_config=None)
        with TestClient(app) as client:
            method, (path,) = next(iter(handler.http_methods)), handler.paths
            answer = client.request(method, path)
            answers.append((answer.status_code, answer.headers.raw, answer.content))
    assert answers[0] == answers[1]
    assert answers[0][0] < 300
