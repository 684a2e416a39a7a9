"""The jobs: a recording becomes a transcript, a corrected transcript is scored, and one that only reads."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from benchmarks.reference import push, recognition
from benchmarks.reference.audio import converted
from benchmarks.reference.celery_app import app
from benchmarks.reference.clients import SESSIONS, TRANSCRIPTS, container, language, recordings
from benchmarks.reference.states import (
    FAILED_FINALIZATION,
    FAILED_STT_PROCESSING,
    FINALIZED,
    PENDING_FINAL_PROCESSING,
    PENDING_REVIEW,
    PENDING_STT,
    PROCESSING_STT,
)

DOCUMENTS = 10
"""Most that Azure AI Language scores in a request."""

SKIPPED = "SKIPPED_WRONG_STATE"
SCORES = ("positive", "neutral", "negative")
NO_FEELING = {"positive": 0.0, "neutral": 1.0, "negative": 0.0}

logger = logging.getLogger(__name__)


@app.task
def process_recording(session_id: str, therapist_id: str) -> str:
    """Transcribe a session's recording and tell the therapist; return the state it has then."""
    session = _read(session_id, therapist_id)
    if session["status"] != PENDING_STT:
        return SKIPPED
    session = _moved(session, PROCESSING_STT)
    try:
        entries = _transcribed(session["blob_name"])
        container(TRANSCRIPTS).upsert_item({"id": session_id, "entries": entries})
        _moved(session, PENDING_REVIEW)
    except Exception:
        logger.exception("a recording could not be transcribed")
        _moved(session, FAILED_STT_PROCESSING)
        return FAILED_STT_PROCESSING
    push.session_ready(therapist_id, session_id)
    return PENDING_REVIEW


@app.task
def finalize(session_id: str, therapist_id: str) -> str:
    """Score a corrected transcript; return the state the session has then."""
    session = _read(session_id, therapist_id)
    if session["status"] != PENDING_FINAL_PROCESSING:
        return SKIPPED
    try:
        found = container(TRANSCRIPTS).read_item(session_id, partition_key=session_id)
        entries = _scored(found["entries"])
        container(TRANSCRIPTS).upsert_item({"id": session_id, "entries": entries})
        _moved(session, FINALIZED, **_average(entries))
    except Exception:
        logger.exception("a transcript could not be scored")
        _moved(session, FAILED_FINALIZATION)
        return FAILED_FINALIZATION
    return FINALIZED


@app.task
def read_session(session_id: str, therapist_id: str) -> float:
    """Read a session and do nothing with it; return when this began, in seconds since the epoch."""
    began = time.time()
    _read(session_id, therapist_id)
    return began


def _read(session_id: str, therapist_id: str) -> dict[str, Any]:
    return dict(container(SESSIONS).read_item(session_id, partition_key=therapist_id))


def _moved(session: dict[str, Any], status: str, **more: Any) -> dict[str, Any]:
    """Write a session with another status; return it as it is then."""
    return dict(
        container(SESSIONS).replace_item(session["id"], {**session, "status": status, **more})
    )


def _transcribed(blob_name: str) -> list[dict[str, Any]]:
    recording = recordings().get_blob_client(blob_name).download_blob().readall()
    with converted(recording, Path(blob_name).suffix) as sound:
        return recognition.sentences(sound)


def _scored(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries with their scores: what the patient said is scored by Azure, the rest is neutral."""
    scored = [{**each, **NO_FEELING} for each in entries]
    said = [each for each in scored if each["speaker"] == "Patient"]
    for start in range(0, len(said), DOCUMENTS):
        batch = said[start : start + DOCUMENTS]
        answers = language().analyze_sentiment([each["text"] for each in batch])
        for entry, answer in zip(batch, answers, strict=True):
            if not answer.is_error:
                entry.update({name: answer.confidence_scores[name] for name in SCORES})
    return scored


def _average(entries: list[dict[str, Any]]) -> dict[str, float]:
    said = [each for each in entries if each["speaker"] == "Patient"] or [NO_FEELING]
    return {name: sum(each[name] for each in said) / len(said) for name in SCORES}
