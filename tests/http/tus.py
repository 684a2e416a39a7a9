"""A client of tus 1.0.0 for tests, over `Clinic`: each call is one request."""

import json
from base64 import b64encode
from typing import Any

from httpx import Response

from tests.http.clinic import Clinic, metadata_of

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}


def said(metadata: dict[str, Any] | None = None, **more: str) -> dict[str, str]:
    """Return the header `Upload-Metadata`."""
    values = dict(more)
    if metadata is not None:
        values["metadata"] = json.dumps(metadata)
    pairs = [f"{name} {b64encode(value.encode()).decode()}" for name, value in values.items()]
    return {"Upload-Metadata": ",".join(pairs)}


async def create(clinic: Clinic, length: int | None, **more: Any) -> Response:
    headers = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    headers = TUS | headers | more.pop("headers", {})
    return await clinic.post("/uploads", headers=headers, **more)


async def created(clinic: Clinic, length: int | None, **more: Any) -> str:
    """Begin an upload; return its path."""
    answer = await create(clinic, length, **more)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


async def send(clinic: Clinic, path: str, offset: int | str, piece: Any, **more: Any) -> Response:
    headers = TUS | PIECE | {"Upload-Offset": str(offset)} | more.pop("headers", {})
    return await clinic.ask("PATCH", path, headers=headers, content=piece, **more)


async def offset_of(clinic: Clinic, path: str) -> int:
    answer = await clinic.ask("HEAD", path, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


async def describe(clinic: Clinic, path: str, **changes: Any) -> Response:
    return await clinic.ask("PUT", f"{path}/metadata", json=metadata_of(**changes))
