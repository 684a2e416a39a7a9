"""Creates what the reference needs in Cosmos and Blob storage, and two people with their sessions."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import bcrypt
from azure.core.exceptions import ResourceExistsError
from azure.cosmos import PartitionKey

from benchmarks.reference import settings
from benchmarks.reference.clients import (
    PARTITION_KEYS,
    SESSIONS,
    TRANSCRIPTS,
    USERS,
    container,
    cosmos,
    recordings,
)
from benchmarks.reference.recognition import made_up
from benchmarks.reference.states import FINALIZED, PENDING_REVIEW

COST = 12
"""Of bcrypt: 2 to the power of this many rounds."""

SUMMARY = "We talked about the week, and about what helped on the days that were hard."
FIRST_DAY = date(2026, 1, 5)
CONNECTIONS = 8


def seed(therapist_email: str, patient_email: str, password: str, sessions: int) -> None:
    """Fill an empty or a seeded store; print the ids as a line of JSON.

    What is written follows from the addresses: again is the same, another therapist is one more.
    """
    _create_containers()
    name = uuid5(NAMESPACE_URL, therapist_email)
    therapist = _user(str(name), "THERAPIST", "Olivia Hayes", therapist_email, password)
    digits = uuid5(NAMESPACE_URL, patient_email).int % 1_000_000_000
    patient = _user(f"{digits:09}", "PATIENT", "Sam Patient", patient_email, password)
    ids = {
        state: [str(uuid5(name, f"{state} {number}")) for number in range(sessions)]
        for state in (PENDING_REVIEW, FINALIZED)
    }
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        written = [
            pool.submit(_write_session, session, number, state, therapist, patient)
            for state, those in ids.items()
            for number, session in enumerate(those)
        ]
    for each in written:
        each.result()
    told = {
        "therapist": {"id": therapist["id"], "email": therapist["email"]},
        "patient": {"id": patient["id"], "email": patient["email"]},
        "pending": ids[PENDING_REVIEW],
        "finalized": ids[FINALIZED],
    }
    print(json.dumps(told), flush=True)


def _create_containers() -> None:
    database = cosmos().create_database_if_not_exists(settings.database_name())
    for name, path in PARTITION_KEYS.items():
        database.create_container_if_not_exists(name, PartitionKey(path))
    try:
        recordings().create_container()
    except ResourceExistsError:
        return


def _user(identity: str, kind: str, name: str, email: str, password: str) -> dict[str, Any]:
    user = {
        "id": identity,
        "type": kind,
        "full_name": name,
        "email": email.lower(),
        "password_hash": bcrypt.hashpw(password.encode(), bcrypt.gensalt(COST)).decode(),
        "date_of_birth": "1980-05-17",
        "picture_url": None,
    }
    container(USERS).upsert_item(user)
    return user


def _write_session(
    name: str, number: int, state: str, therapist: dict[str, Any], patient: dict[str, Any]
) -> None:
    session = {
        "id": name,
        "therapist_id": therapist["id"],
        "therapist_name": therapist["full_name"],
        "therapist_email": therapist["email"],
        "patient_id": patient["id"],
        "patient_name": patient["full_name"],
        "patient_email": patient["email"],
        "session_date": (FIRST_DAY + timedelta(days=number)).isoformat(),
        "summary": SUMMARY,
        "general_notes": ["Sleeps better.", "Wants to call her sister."],
        "timed_notes": [{"timestamp": "00:12", "content": "Speaks of Monday."}],
        "blob_name": f"{name}.wav",
        "status": state,
        "created_at": datetime.now(UTC).isoformat(),
        **({"positive": 0.4, "neutral": 0.4, "negative": 0.2} if state == FINALIZED else {}),
    }
    container(TRANSCRIPTS).upsert_item({"id": name, "entries": made_up(60.0)})
    container(SESSIONS).upsert_item(session)
