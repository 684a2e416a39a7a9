"""What the lines ask of a system besides load: logins, an inbox, a phone's registration."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from benchmarks.compare.practice import PASSWORD
from benchmarks.compare.systems import System


class Unexpected(RuntimeError):
    """An answer that was not 2xx; holds what it said."""


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in."""

    user: str
    token: str


def ask(system: System, method: str, path: str, *, token: str = "", body: object = None) -> Any:
    """Return the JSON of an answer; None for an empty one.

    Raises:
        Unexpected: its status is not 2xx.
    """
    connection = http.client.HTTPConnection(*system.address, timeout=60)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status // 100 != 2:
        raise Unexpected(
            f"{system.name}: {method} {path} was answered {answer.status} {said[:300]!r}"
        )
    return json.loads(said) if said else None


def sign_in(system: System, email: str) -> SignedIn:
    """Sign a person of the practice in."""
    body = {"email": email, "password": PASSWORD}
    answer = ask(system, "POST", "/auth/login", body=body)
    return SignedIn(answer["userId"], answer["token"])


def get(path: str, token: str) -> str:
    """Return a GET as it is sent."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"


def post(path: str, body: object) -> str:
    """Return a POST of JSON as it is sent."""
    text = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(text)}\r\n\r\n{text}"
