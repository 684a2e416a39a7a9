"""Acceptance checks: the recording of the session once more, in pieces (tus 1.0.0), is the same session."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from therapy.entrypoints.cli.acceptance.check_runner import (
    CheckContext,
    Skipped,
    Step,
    expect,
    refused,
    wanted,
)

STEPS: list[Step] = []

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}
FIRST = 100_000
"""Bytes of the first piece."""


class Progress(msgspec.Struct):
    """What the check reads of an upload."""

    upload_id: str
    offset: int
    length: int | None
    session_id: str | None


class Listed(msgspec.Struct):
    """What the check reads of a list of uploads."""

    items: list[Progress]


def _step(call: str, what: str) -> Callable[..., None]:
    return lambda look: STEPS.append((call, what, look))


def _ask(context: CheckContext, method: str, path: str, **more: Any) -> httpx.Response:
    headers = TUS | more.pop("headers", {})
    return context.app.raw(method, path, token=context.app.token, headers=headers, **more)


def _created(context: CheckContext, headers: dict[str, str]) -> str:
    answer = _ask(context, "POST", "/uploads", headers=headers)
    wanted(answer.status_code == 201, "201", str(answer.status_code))
    return httpx.URL(answer.headers.get("Location", "")).path


def _path(context: CheckContext) -> str:
    if not context.upload:
        raise Skipped("no upload was begun")
    return context.upload


def _send(context: CheckContext, offset: int, piece: bytes) -> httpx.Response:
    headers = PIECE | {"Upload-Offset": str(offset)}
    return _ask(context, "PATCH", _path(context), headers=headers, content=piece)


@_step("OPTIONS /uploads", "tus 1.0.0 is spoken")
def _(context: CheckContext) -> None:
    answer = context.app.raw("OPTIONS", "/uploads")
    wanted(answer.headers.get("Tus-Version") == "1.0.0", "Tus-Version: 1.0.0", "another one")


@_step("POST /uploads", "an upload is begun")
def _(context: CheckContext) -> None:
    context.session()
    file_name = b64encode(b"acceptance.wav").decode()
    headers = {
        "Upload-Length": str(len(context.wav)),
        "Upload-Metadata": f"filename {file_name}",
    }
    context.upload = _created(context, headers)


@_step("PATCH /uploads/{id}", "its first piece is taken")
def _(context: CheckContext) -> None:
    answer = _send(context, 0, context.wav[:FIRST])
    wanted(answer.status_code == 204, "204", str(answer.status_code))


@_step("PATCH /uploads/{id}", "the same piece again is 409")
def _(context: CheckContext) -> None:
    refused(_send(context, 0, context.wav[:FIRST]), 409)


@_step("HEAD /uploads/{id}", "says how far it is")
def _(context: CheckContext) -> None:
    offset = _ask(context, "HEAD", _path(context)).headers.get("Upload-Offset")
    wanted(offset == str(FIRST), f"Upload-Offset: {FIRST}", "another one")


@_step("GET /uploads", "lists it")
def _(context: CheckContext) -> None:
    listed = expect(_ask(context, "GET", "/uploads"), 200, Listed)
    mine = _path(context).rpartition("/")[2]
    wanted(any(each.upload_id == mine for each in listed.items), "that upload", "a list without it")


@_step("PUT /uploads/{id}/metadata", "takes what the recording is")
def _(context: CheckContext) -> None:
    answer = _ask(context, "PUT", f"{_path(context)}/metadata", json=context.metadata)
    wanted(expect(answer, 200, Progress).session_id is None, "no session yet", "one")


@_step("PATCH /uploads/{id}", "its last piece makes it the same session")
def _(context: CheckContext) -> None:
    answer = _send(context, FIRST, context.wav[FIRST:])
    wanted(answer.status_code == 204, "204", str(answer.status_code))


@_step("GET /uploads/{id}", "says which session it is")
def _(context: CheckContext) -> None:
    shown = expect(_ask(context, "GET", _path(context)), 200, Progress)
    if shown.session_id and shown.session_id != context.session():
        context.leftovers.add(shown.session_id)
    wanted(shown.session_id == context.session(), "the same id", "another one")


@_step("DELETE /uploads/{id}", "removes an upload")
def _(context: CheckContext) -> None:
    path = _created(context, {"Upload-Defer-Length": "1"})
    answer = _ask(context, "DELETE", path)
    wanted(answer.status_code == 204, "204", str(answer.status_code))
    refused(_ask(context, "GET", path), 404)
