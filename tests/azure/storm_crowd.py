"""The therapists of the storm: they sign in from two phones, and send recordings until each is taken."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests import forked
from tests.builders import a_wav
from therapy.entrypoints.cli.mobile_client import CallFailed, MobileClient, Upload, metadata_of

PASSWORD = "a password to try with"
PLATFORMS = ("ANDROID", "IOS")
PAUSE = 0.5


class Therapist:
    """One therapist with two phones; the first also sends what they record."""

    def __init__(self, url: str, number: int, answers: Counter[str]) -> None:
        self.email = email_of(number)
        self.id = ""
        self.number = number
        self.sessions: dict[int, str] = {}
        self.devices: list[str] = []
        self._answers = answers
        self._apps = [MobileClient(url, timeout=60) for _ in PLATFORMS]

    def sign_in(self) -> None:
        for app, platform in zip(self._apps, PLATFORMS, strict=True):
            user = app.login(self.email, PASSWORD)
            self.id = user["userId"]
            device = {"token": f"phone-{self.number}-{platform}", "platform": platform}
            self.devices.append(device["token"])
            device |= {"user_id": user["userId"], "user_type": user["userType"]}
            app.got("POST", "/devices/register", expected=204, json=device)

    def send(self, recordings: range) -> None:
        """Send recordings, each until it is taken."""
        app = self._apps[0]
        user = app.user
        therapist = {"id": user["userId"], "name": user["userFullName"], "email": self.email}
        patient = {"id": "203948571", "name": "Pat One", "email": "pat@example.health"}
        patient["date_of_birth"] = "1990-05-17"
        metadata = metadata_of(therapist=therapist, patient=patient, day=datetime.now(UTC).date())
        for number in recordings:
            noise = random.Random(self.number * 10_000 + number).randbytes(32_000)
            while number not in self.sessions:
                try:
                    answer = app.upload(Upload(a_wav(noise), metadata))
                except httpx.TransportError as exc:
                    self._answers[type(exc).__name__] += 1
                else:
                    self._answers[str(answer.status_code)] += 1
                    if answer.is_success:
                        self.sessions[number] = answer.json()["session_id"]
                        break
                time.sleep(PAUSE)

    def in_review(self) -> set[str]:
        """The sessions that the app sees waiting for review; none if there was no good answer."""
        try:
            return {each["id"] for each in self._apps[1].got("GET", "/data/pending")}
        except (CallFailed, httpx.TransportError):
            return set()

    def close(self) -> None:
        for app in self._apps:
            app.__exit__()


def email_of(number: int) -> str:
    return f"therapist{number}@example.health"


def people(folder: Path, variables: dict[str, str], therapists: int) -> None:
    """Make the practice while it is calm."""
    patient = {"role": "PATIENT", "email": "pat@example.health", "full_name": "Pat One"}
    patient |= {"number": "203948571", "date_of_birth": "1990-05-17"}
    members: list[dict[str, str]] = [patient]
    for number in range(therapists):
        person = {"role": "THERAPIST", "email": email_of(number), "full_name": f"Thea {number}"}
        members.append(person)
    seed = folder / "practice.json"
    seed.write_text(json.dumps({"practice": "Storm", "language": "en", "people": members}))
    for asked in (["migrate"], ["seed", "--file", str(seed), "--password", PASSWORD]):
        done = forked.run_therapy(*asked, environment=variables, folder=folder)
        if done.returncode:
            raise RuntimeError(f"therapy {asked[0]}: {done.stderr}")
