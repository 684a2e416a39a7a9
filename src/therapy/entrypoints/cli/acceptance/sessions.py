"""Acceptance checks: a session from upload to review, then either closed or cancelled."""

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import httpx

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
from therapy.entrypoints.cli.mobile_client import CallFailed, Upload
from therapy.entrypoints.cli.wav_recordings import app_wav, hummed

STEPS: list[Step] = []
SUBMIT: list[Step] = []
CANCEL: list[Step] = []
FOUND: list[Step] = []

POLL_SECONDS = 1.0
NOWHERE = "0" * 32


def _step(call: str, what: str, steps: list[Step] = STEPS) -> Callable[..., None]:
    return lambda look: steps.append((call, what, look))


def _refused_upload(
    context: CheckContext,
    status: int,
    *,
    audio: bytes | None = None,
    metadata_first: bool = False,
    **changes: object,
) -> None:
    """Send an upload that must be refused; if it becomes a session, remember that one for cancellation."""
    metadata: Mapping[str, object] = {**context.metadata, **changes}
    short = app_wav(hummed(0.2)) if audio is None else audio
    kept = {name: each for name, each in metadata.items() if each is not None}
    answer = context.app.upload(Upload(short, kept, metadata_first=metadata_first))
    if answer.status_code == 202:
        context.leftovers.add(str(answer.json().get("session_id", "")))
    refused(answer, status)


@_step("POST /sessions/upload", "without a token it is 401")
def _(context: CheckContext) -> None:
    refused(context.app.upload(Upload(app_wav(hummed(0.1)), context.metadata), token=""), 401)


@_step("POST /sessions/upload", "an empty file is 400")
def _(context: CheckContext) -> None:
    _refused_upload(context, 400, audio=b"")


@_step("POST /sessions/upload", "a text named .wav is 415")
def _(context: CheckContext) -> None:
    _refused_upload(context, 415, audio=b"This is a text, not a recording.\n" * 200)


@_step("POST /sessions/upload", "31-02-2026 is 400, if it comes before the audio")
def _(context: CheckContext) -> None:
    _refused_upload(context, 400, metadata_first=True, session_date="31-02-2026")


@_step("POST /sessions/upload", "no patient is 400")
def _(context: CheckContext) -> None:
    _refused_upload(context, 400, patient=None)


@_step("POST /sessions/upload", "another therapist's id is 403")
def _(context: CheckContext) -> None:
    _refused_upload(context, 403, therapist='{"id": "somebody", "name": "Somebody Else"}')


@_step("POST /sessions/upload", "403 for a patient")
def _(context: CheckContext) -> None:
    patient = _patient(context)
    refused(patient.upload(Upload(app_wav(hummed(0.1)), context.metadata)), 403)


@_step("POST /sessions/upload", "accepts the app's WAV, chunked, audio first")
def _(context: CheckContext) -> None:
    answer = context.app.upload(Upload(context.wav, context.metadata))
    context.session_id = expect(answer, 202, shapes.Accepted).session_id


@_step("POST /sessions/upload", "the same recording again is the same session")
def _(context: CheckContext) -> None:
    first = context.session()
    answer = context.app.upload(Upload(context.wav, context.metadata))
    second = expect(answer, 202, shapes.Accepted).session_id
    if second != first:
        context.leftovers.add(second)
    wanted(second == first, "the same id", "another one")


@_step("GET /data/pending", "lists the session once it is ready")
def _(context: CheckContext) -> None:
    session, until = context.session(), time.monotonic() + context.wait
    while time.monotonic() < until:
        waiting = expect(context.app.call("GET", "/data/pending"), 200, list[shapes.Waiting])
        if any(each.id == session for each in waiting):
            return
        _give_up_if_failed(context, session)
        time.sleep(POLL_SECONDS)
    raise CallFailed(f"expected it within {context.wait:.0f} s, got a list without it")


def _give_up_if_failed(context: CheckContext, session: str) -> None:
    """Raise CallFailed if the session has failed: our own servers say so, others may not have the call."""
    answer = context.app.call("GET", f"/sessions/{session}")
    failure: Any = answer.json().get("failure") if answer.status_code == 200 else None
    if failure:
        raise CallFailed(f"expected a transcript, got a failure ({failure.get('code')})")


@_step("GET /data/pending", "403 for a patient")
def _(context: CheckContext) -> None:
    refused(_patient(context).call("GET", "/data/pending"), 403)


@_step("GET /data/transcript/{id}", "the lines with speaker and time")
def _(context: CheckContext) -> None:
    answer = context.app.call("GET", f"/data/transcript/{context.session()}")
    lines = expect(answer, 200, shapes.ForReview).transcript
    context.lines = [
        {"speaker": each.speaker, "text": each.text, "timestamp": each.timestamp} for each in lines
    ]


@_step("GET /data/transcript/{id}", "an unknown id is 404")
def _(context: CheckContext) -> None:
    refused(context.app.call("GET", f"/data/transcript/{NOWHERE}"), 404)


@_step("GET /data/transcript/{id}", "403 or 404 for a patient")
def _(context: CheckContext) -> None:
    answer = _patient(context).call("GET", f"/data/transcript/{context.session()}")
    refused(answer, 403, 404)


@_step("PUT /data/transcript/{id}", "an object is 400")
def _(context: CheckContext) -> None:
    refused(_put(context, {"transcript": context.lines}), 400)


@_step("PUT /data/transcript/{id}", "no lines at all is 400")
def _(context: CheckContext) -> None:
    if not context.lines:  # only then it would close the session
        raise Skipped("nothing was said in the recording")
    refused(_put(context, []), 400)


@_step("PUT /data/transcript/{id}", "a line without text is 400")
def _(context: CheckContext) -> None:
    empty = {"speaker": "Patient", "text": " ", "timestamp": "0:00:00.000"}
    refused(_put(context, [empty]), 400)


@_step("GET /sessions/{id}/details", "404 before it is closed")
def _(context: CheckContext) -> None:
    refused(context.app.call("GET", f"/sessions/{context.session()}/details"), 404)


@_step("PUT /data/transcript/{id}", "accepts the reviewed lines", SUBMIT)
def _(context: CheckContext) -> None:
    sent = [dict(each) for each in context.lines]
    if sent:
        sent[0]["text"] += " (read)"
    expect(_put(context, sent), 202, shapes.Message)
    context.sent = sent


@_step("PUT /data/transcript/{id}", "the same lines again are 202 again", SUBMIT)
def _(context: CheckContext) -> None:
    if not context.sent:
        raise Skipped("no lines were accepted")
    expect(_put(context, context.sent), 202, shapes.Message)


@_step("PUT /data/transcript/{id}", "other lines are too late: 409", SUBMIT)
def _(context: CheckContext) -> None:
    if not context.sent:
        raise Skipped("no lines were accepted")
    refused(_put(context, [{**context.sent[0], "text": "Something else."}]), 409)


@_step("GET /sessions/me", "lists it once it is closed", SUBMIT)
def _(context: CheckContext) -> None:
    session, until = context.session(), time.monotonic() + context.wait
    while time.monotonic() < until:
        if any(each.id == session for each in _mine(context)):
            return
        _give_up_if_failed(context, session)
        time.sleep(POLL_SECONDS)
    raise CallFailed(f"expected it within {context.wait:.0f} s, got a list without it")


@_step("GET /data/transcript/{id}", "409 once it is closed", SUBMIT)
def _(context: CheckContext) -> None:
    refused(context.app.call("GET", f"/data/transcript/{context.session()}"), 409)


@_step("DELETE /sessions/{id}", "cancels the session", CANCEL)
def _(context: CheckContext) -> None:
    expect_empty(context.app.call("DELETE", f"/sessions/{context.session()}"))


@_step("GET /data/pending", "no longer lists it", CANCEL)
def _(context: CheckContext) -> None:
    session = context.session()
    waiting = expect(context.app.call("GET", "/data/pending"), 200, list[shapes.Waiting])
    wanted(all(each.id != session for each in waiting), "a list without it", "one with it")


@_step("GET /data/transcript/{id}", "404 once it is cancelled", CANCEL)
def _(context: CheckContext) -> None:
    refused(context.app.call("GET", f"/data/transcript/{context.session()}"), 404)


@_step("GET /sessions/me", "an array, newest first", FOUND)
def _(context: CheckContext) -> None:
    context.closed = _mine(context)
    days = [each.date for each in context.closed]
    wanted(all(one >= other for one, other in pairwise(days)), "newest first", "another order")


@_step("GET /sessions/me", "an array for a patient, too", FOUND)
def _(context: CheckContext) -> None:
    expect(_patient(context).call("GET", "/sessions/me"), 200, list[shapes.Item])


@_step("GET /sessions/search", "a blank query finds nothing", FOUND)
def _(context: CheckContext) -> None:
    answer = context.app.call("GET", "/sessions/search", params={"query": ""})
    wanted(expect(answer, 200, list[shapes.Item]) == [], "[]", "something")


@_step("GET /sessions/search", "finds a session by its patient, in any case", FOUND)
def _(context: CheckContext) -> None:
    item = _closed(context)
    query = {"query": item.patient_name.upper()}
    answer = context.app.call("GET", "/sessions/search", params=query)
    found = expect(answer, 200, list[shapes.Item])
    wanted(any(each.id == item.id for each in found), "that session", "a list without it")


@_step("GET /sessions/search", "403 for a patient", FOUND)
def _(context: CheckContext) -> None:
    refused(_patient(context).call("GET", "/sessions/search", params={"query": "a"}), 403)


@_step("GET /sessions/{id}/details", "everything about a closed session", FOUND)
def _(context: CheckContext) -> None:
    answer = context.app.call("GET", f"/sessions/{_closed(context).id}/details")
    details = expect(answer, 200, shapes.Details)
    scores: list[shapes.Details | shapes.Score] = [details, *details.sentiment_scores]
    for each in scores:
        total = each.positive + each.neutral + each.negative
        wanted(abs(total - 1) <= 0.001, "shares that sum to 1", f"a sum of {total:.3f}")
    others = [each for each in details.sentiment_scores if each.speaker != "Patient"]
    plain = all((each.positive, each.neutral, each.negative) == (0, 1, 0) for each in others)
    wanted(plain, "0, 1, 0 for everyone but the patient", "other shares")


@_step("GET /sessions/{id}/details", "an unknown id is 404", FOUND)
def _(context: CheckContext) -> None:
    refused(context.app.call("GET", f"/sessions/{NOWHERE}/details"), 404)


def _patient(context: CheckContext) -> Any:
    if context.patient is None:
        raise Skipped("no --patient-email")
    return context.patient


def _put(context: CheckContext, lines: object) -> httpx.Response:
    return context.app.call("PUT", f"/data/transcript/{context.session()}", json=lines)


def _mine(context: CheckContext) -> list[shapes.Item]:
    return expect(context.app.call("GET", "/sessions/me"), 200, list[shapes.Item])


def _closed(context: CheckContext) -> shapes.Item:
    if not context.closed:
        raise Skipped("no closed session")
    return next(
        (each for each in context.closed if each.id == context.session_id), context.closed[0]
    )
