"""The reference does what ours is compared in: it signs in, lists, and takes a recording to its review.

`make reference-test`: it starts five processes of another environment, so `make test` leaves it out.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import wave
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulators.fcm import FakeFcm
from tests.emulators.fixtures import *  # noqa: F403 - the fixtures

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (str(ROOT / ".tools/reference/bin/python"), "-m", "benchmarks.reference")
PASSWORD = "a-reference-passphrase"
THERAPIST, PATIENT = "olivia.hayes1@example.health", "sam.patient@example.health"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("THERAPY_TEST_REFERENCE"), reason="run `make reference-test`"
    ),
]


EMULATORS = ("azurite", "cosmos", "valkey", "fake_speech", "fake_language", "fake_fcm")


@pytest.fixture
def variables(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of the reference: one process of each kind, and the real Speech SDK."""
    settings: dict[str, str] = {}
    for name in EMULATORS:
        settings |= request.getfixturevalue(name).settings()
    del settings["PYTHONPATH"]  # would load firebase-admin into every process
    return settings | {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "COSMOS_DATABASE_NAME": f"reference-{secrets.token_hex(4)}",
        "AUDIO_UPLOAD_BLOB_CONTAINER_NAME": f"reference-{secrets.token_hex(4)}",
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "REFERENCE_SPEECH": "conversation",
        "GUNICORN_WORKERS": "1",
        "CELERY_CONCURRENCY": "1",
    }


@pytest.fixture
def client(variables: Mapping[str, str]) -> Iterator[httpx.Client]:
    """A client of the seeded and running reference."""
    seed = (*COMMAND, "seed", "--sessions", "2", "--password", PASSWORD)
    subprocess.run(seed, cwd=ROOT, env=dict(variables), check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env=dict(variables), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            said = [process.stdout.readline().split() for _ in range(2)]
            assert [words[0] for words in said] == ["pids", "live"]
            with httpx.Client(base_url=f"http://127.0.0.1:{said[1][1]}", timeout=30) as opened:
                yield opened
        finally:
            process.terminate()


def signed_in(client: httpx.Client, email: str) -> dict[str, Any]:
    answer = client.post("/auth/login", json={"email": email, "password": PASSWORD})
    client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['token']}"
    return dict(answer.json())


def recording(seconds: int) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 44_100, 0, "NONE", ""))
        sound.writeframes(bytes(seconds * 44_100 * 2))
    return file.getvalue()


def uploaded(client: httpx.Client, therapist: Mapping[str, str], patient: str) -> str:
    """Send a recording as the app does; return the session's id."""
    metadata = {
        "therapist": json.dumps({"id": therapist["userId"], "name": therapist["userFullName"]}),
        "patient": json.dumps({"id": patient, "name": "Sam Patient", "email": PATIENT}),
        "session_date": "24-11-2026",
        "summary": "A short one.",
    }
    parts = {
        "audio_file": ("session_audio.wav", recording(6), "audio/wav"),
        "metadata": (None, json.dumps(metadata), "application/json"),
    }
    answer = client.post("/sessions/upload", files=parts)
    assert answer.status_code == httpx.codes.ACCEPTED
    return str(answer.json()["session_id"])


def until(client: httpx.Client, path: str) -> Any:
    """Ask until the answer is 200; it is 404 or 409 before."""
    deadline = time.monotonic() + 60
    while (answer := client.get(path)).is_client_error and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer.raise_for_status().json()


def test_the_reference_takes_a_recording_from_the_upload_through_its_review(
    client: httpx.Client, fake_fcm: FakeFcm
) -> None:
    patient = signed_in(client, PATIENT)
    assert client.get("/profiles/me").json()["email"] == PATIENT
    assert len(client.get("/sessions/me").json()) == 2
    therapist = signed_in(client, THERAPIST)
    device = {"token": "phone", "platform": "ANDROID", "user_id": therapist["userId"]}
    assert client.post("/devices/register", json=device).status_code == httpx.codes.NO_CONTENT
    session = uploaded(client, therapist, patient["userId"])
    transcript = until(client, f"/data/transcript/{session}")["transcript"]
    assert [line["speaker"] for line in transcript] == ["Therapist", "Patient"]
    assert {each["id"] for each in client.get("/data/pending").json()} > {session}
    corrected = client.put(f"/data/transcript/{session}", json=transcript)
    assert corrected.status_code == httpx.codes.ACCEPTED
    details = until(client, f"/sessions/{session}/details")
    assert details["neutral"] < 1
    assert next(line["neutral"] for line in details["sentiment_scores"]) == 1
    assert fake_fcm.messages[0]["data"]["dataId"] == session
    signed_in(client, PATIENT)
    assert session in {each["id"] for each in client.get("/sessions/me").json()}
