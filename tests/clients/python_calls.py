"""Calls with the package `clinic_client` that a test has made; prints what came back as JSON."""

import json
import sys
import wave
from datetime import date
from io import BytesIO

from clinic_client import AuthenticatedClient, Client
from clinic_client.api.auth import log_in
from clinic_client.api.sessions import get_session, get_transcript, list_sessions, upload_recording
from clinic_client.models import (
    LoginRequest,
    MetadataIn,
    PersonIn,
    Problem,
    SessionStatus,
    UploadForm,
)
from clinic_client.types import File


def told(problem: object) -> dict[str, object]:
    assert isinstance(problem, Problem), problem
    return {"status": problem.status, "code": problem.code}


def a_recording() -> BytesIO:
    content = BytesIO()
    with wave.open(content, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(44_100)
        audio.writeframes(b"\x10\x00" * 20_000)
    return BytesIO(content.getvalue())


url, email, password = sys.argv[1:]
anyone = Client(base_url=url)
wrong = log_in.sync(client=anyone, body=LoginRequest(email, "not the password"))
login = log_in.sync(client=anyone, body=LoginRequest(email, password))
client = AuthenticatedClient(base_url=url, token=login.token)

waiting = list_sessions.sync(client=client, state=[SessionStatus.AWAITING_REVIEW])
read = get_session.sync(waiting.sessions[0].id, client=client)
transcript = get_transcript.sync(read.id, client=client)
nowhere = get_session.sync("nowhere", client=client)

metadata = MetadataIn(PersonIn("300000015", "Dana Example"), date(2026, 3, 5).isoformat())
audio = File(a_recording(), "session_audio_1.wav", "audio/wav")
uploaded = upload_recording.sync(client=client, body=UploadForm(audio, metadata))

print(
    json.dumps(
        {
            "user": login.user_full_name,
            "listed": [
                {"id": each.id, "state": each.state, "day": each.session_date.isoformat()}
                for each in waiting.sessions
            ],
            "read": {
                "id": read.id,
                "born": read.patient.date_of_birth.isoformat(),
                "speakers": [each.speaker for each in read.heard.talk.speakers],
            },
            "transcript": {
                "version": transcript.version,
                "lines": [each.text for each in transcript.lines],
                "words": [each.words for each in transcript.lines],
                "coverage": transcript.coverage,
            },
            "nowhere": told(nowhere),
            "wrong password": told(wrong),
            "uploaded": uploaded.session_id,
        }
    )
)
