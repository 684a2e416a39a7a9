"""What waits for a therapist's review: the list, a transcript, and the transcript as it was corrected."""

from __future__ import annotations

from datetime import date
from typing import Any

from azure.cosmos.exceptions import CosmosResourceNotFoundError
from flask import Blueprint, Response, abort, g, jsonify, request

from benchmarks.reference.clients import SESSIONS, TRANSCRIPTS, container, rows
from benchmarks.reference.jobs import finalize
from benchmarks.reference.states import PENDING_FINAL_PROCESSING, PENDING_REVIEW
from benchmarks.reference.tokens import signed_in

transcript_routes = Blueprint("data", __name__)

WAITING = """SELECT c.id, c.patient_name, c.session_date, c.summary FROM c
WHERE c.therapist_id = @person AND c.status = @status
ORDER BY c.session_date DESC"""


@transcript_routes.get("/data/pending")
@signed_in("THERAPIST")
def pending() -> Response:
    """Return the sessions that wait for a review, newest first."""
    person = g.user["id"]
    found = rows(SESSIONS, WAITING, partition=person, person=person, status=PENDING_REVIEW)
    return jsonify(
        [
            {
                "id": each["id"],
                "patientName": each["patient_name"],
                "sessionDate": _day(each),
                "summaryPreview": each["summary"][:20],
            }
            for each in found
        ]
    )


@transcript_routes.get("/data/transcript/<session_id>")
@signed_in("THERAPIST")
def transcript(session_id: str) -> Response:
    """Return the transcript of a session that waits for a review."""
    session = _waiting(session_id)
    found = container(TRANSCRIPTS).read_item(session_id, partition_key=session_id)
    return jsonify(
        patientName=session["patient_name"],
        sessionDate=_day(session),
        summary=session["summary"],
        transcript=found["entries"],
    )


@transcript_routes.put("/data/transcript/<session_id>")
@signed_in("THERAPIST")
def review(session_id: str) -> tuple[Response, int]:
    """Store a transcript as its therapist corrected it, and start scoring it."""
    entries = request.get_json()
    session = _waiting(session_id)
    container(TRANSCRIPTS).upsert_item({"id": session_id, "entries": entries})
    container(SESSIONS).replace_item(session_id, {**session, "status": PENDING_FINAL_PROCESSING})
    finalize.delay(session_id, session["therapist_id"])
    return jsonify(message="The transcript is being scored."), 202


def _waiting(session_id: str) -> dict[str, Any]:
    """Return a session of who is signed in that waits for a review. Aborts with 404 or 409."""
    try:
        session = container(SESSIONS).read_item(session_id, partition_key=g.user["id"])
    except CosmosResourceNotFoundError:
        abort(404, "No such session.")
    if session["status"] != PENDING_REVIEW:
        abort(409, "The session does not wait for a review.")
    return dict(session)


def _day(session: dict[str, Any]) -> str:
    return date.fromisoformat(session["session_date"]).strftime("%d-%m-%Y")
