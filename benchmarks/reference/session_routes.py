"""Lists and details of sessions, and the upload."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from azure.cosmos.exceptions import CosmosResourceNotFoundError
from flask import Blueprint, Response, abort, g, jsonify, request
from werkzeug.datastructures import FileStorage

from benchmarks.reference.clients import (
    SESSIONS,
    TRANSCRIPTS,
    container,
    recordings,
    rows,
)
from benchmarks.reference.jobs import process_recording
from benchmarks.reference.states import FINALIZED, PENDING_STT
from benchmarks.reference.tokens import signed_in

session_routes = Blueprint("sessions", __name__)

LISTED = """SELECT c.id, c.patient_id, c.patient_name, c.therapist_id, c.therapist_name, c.session_date,
c.summary, c.positive, c.neutral, c.negative FROM c"""
NEWEST_FIRST = "AND c.status = @status ORDER BY c.session_date DESC"
OF_PATIENT = f"{LISTED} WHERE c.patient_id = @person {NEWEST_FIRST}"
OF_THERAPIST = f"{LISTED} WHERE c.therapist_id = @person {NEWEST_FIRST}"


@session_routes.get("/sessions/me")
@signed_in()
def own_sessions() -> Response:
    """Return the finalized sessions of who is signed in, newest first.

    A patient's are in the partitions of several therapists, so all partitions are asked.
    """
    person = g.user["id"]
    found = (
        rows(SESSIONS, OF_THERAPIST, partition=person, person=person, status=FINALIZED)
        if g.user["type"] == "THERAPIST"
        else rows(SESSIONS, OF_PATIENT, person=person, status=FINALIZED)
    )
    return jsonify([_listed(each) for each in found])


@session_routes.get("/sessions/<session_id>/details")
@signed_in()
def details(session_id: str) -> Response:
    """Return a finalized session with its scores, to its therapist or its patient."""
    found = rows(SESSIONS, "SELECT * FROM c WHERE c.id = @id", id=session_id)
    people = {found[0]["therapist_id"], found[0]["patient_id"]} if found else set()
    if g.user["id"] not in people or found[0]["status"] != FINALIZED:
        abort(404, "No such session.")
    session = found[0]
    try:
        scored = container(TRANSCRIPTS).read_item(session_id, partition_key=session_id)
    except CosmosResourceNotFoundError:
        abort(404, "No such session.")
    names = ("therapist_name", "therapist_email", "patient_id", "patient_name", "patient_email")
    notes = ("summary", "timed_notes", "general_notes", "positive", "neutral", "negative")
    return jsonify(
        sessionId=session_id,
        session_date=date.fromisoformat(session["session_date"]).strftime("%d-%m-%Y"),
        sentiment_scores=scored["entries"],
        **{name: session.get(name) for name in (*names, *notes)},
    )


@session_routes.post("/sessions/upload")
@signed_in("THERAPIST")
def upload() -> tuple[Response, int]:
    """Store a recording and its session, and start the job. Werkzeug has put the file on the disk before."""
    file = request.files.get("audio_file")
    if file is None or "metadata" not in request.form:
        abort(400, "audio_file and metadata are required.")
    session = _session(json.loads(request.form["metadata"]), file)
    recordings().get_blob_client(session["blob_name"]).upload_blob(file.stream)
    container(SESSIONS).create_item(session)
    process_recording.delay(session["id"], session["therapist_id"])
    told = {"status": session["status"], "message": "The recording is being processed."}
    return jsonify(session_id=session["id"], **told), 202


def _session(metadata: dict[str, Any], file: FileStorage) -> dict[str, Any]:
    """Return the document of a new session."""
    patient = metadata["patient"]
    patient = json.loads(patient) if isinstance(patient, str) else patient
    day = datetime.strptime(metadata["session_date"], "%d-%m-%Y").replace(tzinfo=UTC)
    session_id = str(uuid.uuid4())
    return {
        "id": session_id,
        "therapist_id": g.user["id"],
        "therapist_name": g.user["full_name"],
        "therapist_email": g.user["email"],
        "patient_id": patient["id"],
        "patient_name": patient["name"],
        "patient_email": patient.get("email"),
        "session_date": day.date().isoformat(),
        "summary": metadata.get("summary") or "",
        "general_notes": metadata.get("general_notes", []),
        "timed_notes": metadata.get("timed_notes", []),
        "blob_name": session_id + Path(file.filename or "").suffix,
        "status": PENDING_STT,
        "created_at": datetime.now(UTC).isoformat(),
    }


def _listed(session: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": session["id"],
        "patientId": session["patient_id"],
        "patientName": session["patient_name"],
        "therapistId": session["therapist_id"],
        "therapistName": session["therapist_name"],
        "title": f"Session of {session['session_date']}",
        "date": session["session_date"],
        "descriptionPreview": session["summary"][:100],
        **{name: session[name] for name in ("positive", "neutral", "negative")},
    }
