"""Access and refresh tokens (JWT, HS256), and who is signed in: read from Cosmos for every request."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jwt
from azure.cosmos.exceptions import CosmosResourceNotFoundError
from flask import abort, g, request

from benchmarks.reference import settings
from benchmarks.reference.clients import USERS, container

ALGORITHM = "HS256"
P = ParamSpec("P")
R = TypeVar("R")


def issued(user: dict[str, Any], kind: str, seconds: int) -> str:
    """Return a token of a kind (`access` or `refresh`) that is valid for some seconds."""
    now = int(time.time())
    claims = {
        "sub": user["id"],
        "type": kind,
        "role": user["type"],
        "iat": now,
        "exp": now + seconds,
    }
    return jwt.encode(claims, settings.required("JWT_SECRET_KEY"), algorithm=ALGORITHM)


def subject(token: str, kind: str) -> str:
    """Return whose token it is. Aborts with 401 unless it is valid and of this kind."""
    try:
        claims = jwt.decode(token, settings.required("JWT_SECRET_KEY"), algorithms=[ALGORITHM])
    except jwt.PyJWTError:
        abort(401, "Invalid or expired token.")
    if claims.get("type") != kind:
        abort(401, "Wrong kind of token.")
    return str(claims["sub"])


def user_of(identity: str) -> dict[str, Any]:
    """Return a user by id. Aborts with 401 where there is none."""
    try:
        return dict(container(USERS).read_item(identity, partition_key=identity))
    except CosmosResourceNotFoundError:
        abort(401, "Unknown user.")


def bearer() -> str:
    """Return the token of the request's Authorization header. Aborts with 401 without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        abort(401, "Missing Authorization Header.")
    return token


def signed_in(*kinds: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a handler be called by users of these kinds only; the user is `g.user` then."""

    def around(handler: Callable[P, R]) -> Callable[P, R]:
        @wraps(handler)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            g.user = user_of(subject(bearer(), "access"))
            if kinds and g.user["type"] not in kinds:
                abort(403, "Not for this account.")
            return handler(*args, **kwargs)

        return checked

    return around
