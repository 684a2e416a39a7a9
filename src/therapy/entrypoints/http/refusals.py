"""Answers to requests that never reach the application: problem details as bytes or ASGI messages."""

import json
import logging
import uuid
from http import HTTPStatus

from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent
from msgspec import Struct

from therapy.entrypoints.http.errors import PROBLEM_TYPE, RETRY_AFTER, problem_body

log = logging.getLogger(__name__)


class Refusal(Struct, frozen=True):
    """An answer after which the connection is closed."""

    status: int
    code: str


MALFORMED = Refusal(400, "malformed_request")
UPGRADE = Refusal(400, "upgrade_with_body")
LATE = Refusal(408, "request_timeout")
LARGE_HEAD = Refusal(431, "head_too_large")
CROWDED = Refusal(503, "too_many_connections")
STOPPING = Refusal(503, "stopping")
BUG = Refusal(500, "internal")


def raw_answer(refusal: Refusal, language: str) -> bytes:
    """Return the whole answer as it is sent, and log it."""
    headers, content = _parts(refusal, language, uuid.uuid4().hex)
    lines = [b"HTTP/1.1 %d %s" % (refusal.status, HTTPStatus(refusal.status).phrase.encode())]
    lines += [b": ".join(each) for each in headers]
    return b"\r\n".join([*lines, b"", content])


def asgi_answer(
    refusal: Refusal, language: str, request_id: str = ""
) -> tuple[HTTPResponseStartEvent, HTTPResponseBodyEvent]:
    """Return the answer as ASGI's two messages, and log it; without an id it gets a new one."""
    headers, content = _parts(refusal, language, request_id or uuid.uuid4().hex)
    return (
        {"type": "http.response.start", "status": refusal.status, "headers": headers},
        {"type": "http.response.body", "body": content, "more_body": False},
    )


def _parts(
    refusal: Refusal, language: str, request_id: str
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    status, code = refusal.status, refusal.code
    body = problem_body(status, code, language) | {"request_id": request_id}
    log.info(
        "a request was refused", extra={"request_id": request_id, "status": status, "code": code}
    )
    content = json.dumps(body, ensure_ascii=False).encode()
    headers = {
        "content-type": PROBLEM_TYPE,
        "content-length": str(len(content)),
        "content-language": language,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": request_id,
        "connection": "close",
    }
    if status in RETRY_AFTER:
        headers["retry-after"] = RETRY_AFTER[status]
    return [(name.encode(), value.encode()) for name, value in headers.items()], content
