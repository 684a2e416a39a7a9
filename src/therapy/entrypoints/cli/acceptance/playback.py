"""Acceptance checks: what the session sounds and looks like to a player, and the practice's vocabulary."""

import time
from collections.abc import Callable
from typing import Any

import httpx
from msgspec import Struct

from therapy.entrypoints.cli.acceptance.check_runner import (
    CheckContext,
    Step,
    expect,
    refused,
    wanted,
)
from therapy.entrypoints.cli.mobile_client import CallFailed

STEPS: list[Step] = []

POLL_SECONDS = 1.0
BYTES_A_SECOND = 40
"""Peaks: 20 pairs of bytes a second."""


class Correction(Struct):
    """What is heard, and what is meant."""

    heard: str
    correct: str


class Vocabulary(Struct):
    """A practice's vocabulary."""

    terms: list[str]
    corrections: list[Correction]


def _step(call: str, what: str) -> Callable[..., None]:
    return lambda look: STEPS.append((call, what, look))


def _ask(context: CheckContext, method: str, path: str, **more: Any) -> httpx.Response:
    return context.app.raw(method, path, token=context.app.token, **more)


@_step("GET /sessions/{id}/playback", "plays from the middle, once it is made")
def _(context: CheckContext) -> None:
    path, until = f"/sessions/{context.session()}/playback", time.monotonic() + context.wait
    while time.monotonic() < until:
        answer = _ask(context, "GET", path, headers={"Range": "bytes=1000-1999"})
        if answer.status_code != 409 or answer.json().get("code") != "playback_pending":
            wanted(answer.status_code == 206, "206", str(answer.status_code))
            wanted(len(answer.content) == 1000, "1000 bytes", f"{len(answer.content)}")
            return
        time.sleep(POLL_SECONDS)
    raise CallFailed(f"expected it within {context.wait:.0f} s, got playback_pending")


@_step("HEAD /sessions/{id}/playback", "says that ranges can be asked for")
def _(context: CheckContext) -> None:
    answer = _ask(context, "HEAD", f"/sessions/{context.session()}/playback")
    wanted(answer.headers.get("Accept-Ranges") == "bytes", "Accept-Ranges: bytes", "another answer")


@_step("GET /sessions/{id}/peaks", "the waveform, 20 peaks a second")
def _(context: CheckContext) -> None:
    answer = _ask(context, "GET", f"/sessions/{context.session()}/peaks")
    wanted(answer.status_code == 200, "200", str(answer.status_code))
    got = len(answer.content)
    wanted(got >= BYTES_A_SECOND and got % 2 == 0, "pairs of bytes", f"{got} bytes")


@_step("POST /sessions/{id}/playback-link", "a link, or 404 where the server makes none")
def _(context: CheckContext) -> None:
    answer = _ask(context, "POST", f"/sessions/{context.session()}/playback-link")
    if answer.status_code != 200:
        refused(answer, 404)


@_step("GET /practice/vocabulary", "the practice's vocabulary, with its ETag")
def _(context: CheckContext) -> None:
    answer = _ask(context, "GET", "/practice/vocabulary")
    expect(answer, 200, Vocabulary)
    wanted(answer.headers.get("ETag"), "an ETag", "none")


@_step(
    "PUT /practice/vocabulary",
    "428 and 412 unless it names the one that is there; nothing is changed",
)
def _(context: CheckContext) -> None:
    path, body = "/practice/vocabulary", Vocabulary([], [])
    refused(_ask(context, "PUT", path, json=body), 428)
    refused(_ask(context, "PUT", path, json=body, headers={"If-Match": '"999999999"'}), 412)
