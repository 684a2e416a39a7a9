"""Acceptance checks: versions, drafts, events and reruns of the session, and amendments once it is closed."""

import time
from collections.abc import Callable
from itertools import islice
from typing import Any
from uuid import uuid4

import httpx
from msgspec import Struct

from therapy.entrypoints.cli.acceptance import shapes
from therapy.entrypoints.cli.acceptance.check_runner import (
    CheckContext,
    Skipped,
    Step,
    expect,
    expect_empty,
    refused,
    wanted,
)
from therapy.entrypoints.cli.mobile_client import CallFailed

STEPS: list[Step] = []
AMEND: list[Step] = []

POLL_SECONDS = 1.0
LINES_OF_AN_EVENT = 20
"""So many lines of a stream are read at most until an event has come."""


class Line(Struct):
    """What the checks read of a line."""

    start_ms: int
    end_ms: int
    speaker: shapes.SpeakerName
    text: str
    words: list[tuple[str, int, int, float]]


class Transcript(Struct):
    """What the checks read of a version of the transcript."""

    version: int
    lines: list[Line]


class Version(Struct):
    """What the checks read of a version in a list."""

    number: int
    parent: int
    source: str


class Versions(Struct):
    """What the checks read of a list of versions."""

    items: list[Version]
    next: str | None


class Draft(Struct):
    """What the checks read of a draft."""

    base_version: int
    reviewed_to_ms: int


class DraftLines(Draft):
    """The same with its lines."""

    lines: list[Line]


class Replaced(Struct):
    """What find-and-replace answers."""

    count: int
    lines: list[Line]


class Change(Struct):
    """What the checks read of a line's change."""

    kind: str


class Difference(Struct):
    """What differs between two versions."""

    changes: list[Change]


class NewVersion(Struct):
    """The number of a version that was made."""

    version: int


class _Amendment(Struct):
    state: str


class _Amended(Struct):
    amendment: _Amendment | None


def _step(call: str, what: str, steps: list[Step] = STEPS) -> Callable[..., None]:
    return lambda look: steps.append((call, what, look))


def _ask(context: CheckContext, method: str, path: str = "", **more: Any) -> httpx.Response:
    address = f"/sessions/{context.session()}{path}"
    return context.app.raw(method, address, token=context.app.token, **more)


def _transcript(context: CheckContext) -> Transcript:
    return expect(_ask(context, "GET", "/transcript"), 200, Transcript)


def _sent(lines: list[Line]) -> list[dict[str, object]]:
    return [
        {"start_ms": each.start_ms, "speaker": each.speaker, "text": each.text} for each in lines
    ]


def _spoken(context: CheckContext) -> Transcript:
    transcript = _transcript(context)
    if not transcript.lines:
        raise Skipped("nothing was said in the recording")
    return transcript


@_step("GET /sessions/{id}/transcript", "the version in force, known by its ETag")
def _(context: CheckContext) -> None:
    answer = _ask(context, "GET", "/transcript")
    number = expect(answer, 200, Transcript).version
    wanted(answer.headers.get("ETag") == f'"{number}"', "its number as ETag", "another one")


@_step("GET /sessions/{id}/versions", "lists the recogniser's version")
def _(context: CheckContext) -> None:
    listed = expect(_ask(context, "GET", "/versions"), 200, Versions).items
    wanted(listed and listed[0].source == "machine", "a machine's version first", "another list")


@_step("GET /sessions/{id}/versions/{n}", "shows a version; an unknown one is 404")
def _(context: CheckContext) -> None:
    number = _transcript(context).version
    expect(_ask(context, "GET", f"/versions/{number}"), 200, Transcript)
    refused(_ask(context, "GET", f"/versions/{number + 100}"), 404)


@_step("GET /sessions/{id}/versions/{n}/diff", "a version differs from itself in nothing")
def _(context: CheckContext) -> None:
    number = _transcript(context).version
    answer = _ask(context, "GET", f"/versions/{number}/diff", params={"to": str(number)})
    kinds = {each.kind for each in expect(answer, 200, Difference).changes}
    wanted(kinds <= {"same"}, "no changes", ", ".join(sorted(kinds)))


@_step("GET /sessions/{id}/draft", "404 before there is one")
def _(context: CheckContext) -> None:
    refused(_ask(context, "GET", "/draft"), 404)


@_step("PUT /sessions/{id}/draft", "428 unless it says which draft is meant")
def _(context: CheckContext) -> None:
    draft = {"base_version": _transcript(context).version, "lines": []}
    refused(_ask(context, "PUT", "/draft", json=draft), 428)


@_step("PUT /sessions/{id}/draft", "saves a draft; a tab that knows an older one gets 412")
def _(context: CheckContext) -> None:
    transcript = _transcript(context)
    draft = {"base_version": transcript.version, "lines": _sent(transcript.lines)}
    first = _ask(context, "PUT", "/draft", json=draft, headers={"If-None-Match": "*"})
    expect(first, 200, Draft)
    known = {"If-Match": first.headers.get("ETag", "")}
    expect(
        _ask(context, "PUT", "/draft", json=draft | {"reviewed_to_ms": 1}, headers=known),
        200,
        Draft,
    )
    refused(_ask(context, "PUT", "/draft", json=draft, headers=known), 412)


@_step("POST /sessions/{id}/draft/speakers", "swaps them once, though sent twice under its key")
def _(context: CheckContext) -> None:
    before, key = _spoken(context), {"Idempotency-Key": uuid4().hex}
    for _ in range(2):
        answer = _ask(context, "POST", "/draft/speakers", json={"swap": True}, headers=key)
        lines = expect(answer, 200, DraftLines).lines
        swapped = {"Therapist": "Patient", "Patient": "Therapist", "Unknown": "Unknown"}
        right = [swapped[each.speaker] for each in before.lines] == [each.speaker for each in lines]
        wanted(right, "every speaker changed once", "others")
    refused(_ask(context, "POST", "/draft/speakers", json={"swap": False}, headers=key), 422)


@_step("POST /sessions/{id}/draft/replace", "a preview changes nothing")
def _(context: CheckContext) -> None:
    word = _spoken(context).lines[0].text.split()[0]
    body = {"find": word, "replace_with": "…", "whole_words": False, "preview": True}
    found = expect(_ask(context, "POST", "/draft/replace", json=body), 200, Replaced)
    wanted(found.count and found.lines, "what would change", "nothing")
    draft = expect(_ask(context, "GET", "/draft"), 200, DraftLines)
    wanted(word in draft.lines[0].text, "the draft as it was", "another one")


@_step("POST /sessions/{id}/draft/lines", "splits a line, and its words keep their times")
def _(context: CheckContext) -> None:
    draft = expect(_ask(context, "GET", "/draft"), 200, DraftLines)
    line = next((each for each in draft.lines if len(each.words) > 1), None)
    if line is None:
        raise Skipped("no line has two words")
    split = {"split": {"start_ms": line.start_ms, "at_word": 1}}
    after = expect(_ask(context, "POST", "/draft/lines", json=split), 200, DraftLines).lines
    kept = any(each.words == line.words[1:] for each in after)
    wanted(kept, "a line of the other words", "other lines")


@_step("DELETE /sessions/{id}/draft", "discards it")
def _(context: CheckContext) -> None:
    expect_empty(_ask(context, "DELETE", "/draft"))
    refused(_ask(context, "GET", "/draft"), 404)


@_step("POST /sessions/{id}/submit", "428 without If-Match, 412 for a version that is not in force")
def _(context: CheckContext) -> None:
    body = {"lines": _sent(_spoken(context).lines)}
    refused(_ask(context, "POST", "/submit", json=body), 428)
    refused(_ask(context, "POST", "/submit", json=body, headers={"If-Match": '"999"'}), 412)


@_step("POST /sessions/{id}/amendments", "409 before it is closed")
def _(context: CheckContext) -> None:
    transcript = _spoken(context)
    body = {"reason": "Acceptance check.", "lines": _sent(transcript.lines)}
    known = {"If-Match": f'"{transcript.version}"'}
    refused(_ask(context, "POST", "/amendments", json=body, headers=known), 409)


@_step("POST /sessions/{id}/rerun", "makes a version beside, and the one in force stays")
def _(context: CheckContext) -> None:
    before = _transcript(context).version
    expect(_ask(context, "POST", "/rerun"), 202, shapes.Message)
    until = time.monotonic() + context.wait
    while time.monotonic() < until:
        listed = expect(_ask(context, "GET", "/versions"), 200, Versions).items
        if any(each.source == "rerun" for each in listed):
            wanted(_transcript(context).version == before, "the same in force", "another one")
            return
        time.sleep(POLL_SECONDS)
    raise CallFailed(f"expected it within {context.wait:.0f} s, got a list without it")


@_step("GET /sessions/{id}/events", "says how far the session is")
def _(context: CheckContext) -> None:
    _first_event(context, f"/sessions/{context.session()}/events")


@_step("GET /events", "says how far my sessions are")
def _(context: CheckContext) -> None:
    _first_event(context, "/events")


@_step("GET /events", "a Last-Event-ID that it never sent is 400")
def _(context: CheckContext) -> None:
    headers = {"Last-Event-ID": "of another server"}
    refused(context.app.raw("GET", "/events", token=context.app.token, headers=headers), 400)


@_step(
    "POST /sessions/{id}/amendments",
    "a closed session gets another version, with a reason",
    AMEND,
)
def _(context: CheckContext) -> None:
    transcript = _spoken(context)
    lines = _sent(transcript.lines)
    lines[0]["text"] = f"{lines[0]['text']} (amended)"
    body, known = {"reason": "Acceptance check.", "lines": lines}, f'"{transcript.version}"'
    answer = _ask(context, "POST", "/amendments", json=body, headers={"If-Match": known})
    _wait_for(context, expect(answer, 202, NewVersion).version)


@_step(
    "POST /sessions/{id}/restore",
    "an earlier version is in force again; an unknown one is 404",
    AMEND,
)
def _(context: CheckContext) -> None:
    refused(_ask(context, "POST", "/restore", json={"version": 999}), 404)
    answer = _ask(context, "POST", "/restore", json={"version": 1})
    _wait_for(context, expect(answer, 202, NewVersion).version)


def _wait_for(context: CheckContext, version: int) -> None:
    """Wait until a version is in force; CallFailed if it takes too long, or failed."""
    until = time.monotonic() + context.wait
    while time.monotonic() < until:
        if _transcript(context).version == version:
            return
        amended = expect(_ask(context, "GET"), 200, _Amended).amendment
        if amended is not None and amended.state == "failed":
            raise CallFailed("expected it in force, got a failure")
        time.sleep(POLL_SECONDS)
    raise CallFailed(f"expected it in force within {context.wait:.0f} s, got another version")


def _first_event(context: CheckContext, path: str) -> None:
    """Read the first event of a stream; CallFailed if none comes, or it is not of the session."""
    session = context.session()
    with context.app.streaming("GET", path) as answer:
        if answer.status_code != 200:
            answer.read()
            raise CallFailed(f"expected 200, got {answer.status_code}")
        lines = islice(answer.iter_lines(), LINES_OF_AN_EVENT)
        wanted(any(session in line for line in lines), "an event of the session", "others")
