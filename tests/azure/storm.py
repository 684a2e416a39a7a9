"""A storm over a whole installation: every service fails now and then, Redis comes back empty, workers die.

An API process and workers share Cosmos, Blob storage and Redis as they would on several machines, and
recordings come in from several therapists meanwhile, sent again whenever an answer was no good, as the
app does. When it is calm again, `storm` looks at what is left: each recording must be one session that
waits for review, each phone told of each session under one notification id, and nothing unfinished.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from azure.storage.blob import BlobServiceClient
from rich.console import Console
from rich.table import Table

from tests.builders import a_wav
from tests.emulators.demo import Cloud, environment
from tests.emulators.faults import Fault
from tests.emulators.line import BadLine
from therapy.config import read_settings
from therapy.domain.run import RunState
from therapy.domain.status import ApiState
from therapy.entrypoints.cli.app_client import AppClient, CallFailed, Upload, metadata_of
from therapy.entrypoints.cli.server import running_server
from therapy.wiring import open_therapy
from therapy.workflows.desk import Desk
from therapy.workflows.enrolment import practices
from therapy.workflows.sweep import sweep

PASSWORD = "a password to try with"
PLATFORMS = ("ANDROID", "IOS")
WORKERS = 2
TALK = [
    {"at": 100, "dur": 300, "text": "How have you been?", "speaker": "Guest-1", "lang": "en-US"},
    {"at": 500, "dur": 400, "text": "I slept badly.", "speaker": "Guest-2", "lang": "en-US"},
]
COMMANDS = [sys.executable, "-P", "-m", "therapy.entrypoints.cli"]
PAUSE = 0.5


def often(on: str, kind: str = "status", *, chance: float, **more: Any) -> Fault:
    return Fault(on, kind, times=None, chance=chance, **more)


COSMOS = (
    often("*", status=429, chance=0.04, headers={"x-ms-retry-after-ms": "50"}),
    often("*", status=500, chance=0.01),
    often("*", status=503, chance=0.01),
    often("*", "reset", chance=0.01),
    often("*", "lost", chance=0.01),
    often("*", "slow", chance=0.02, seconds=0.3),
    often("batch *", "race", chance=0.05),
    often("replace *", "race", chance=0.05),
)
ANSWERING = (
    often("*", status=429, chance=0.1, headers={"Retry-After": "1"}),
    often("*", status=500, chance=0.05),
    often("*", status=503, chance=0.05),
    often("*", "reset", chance=0.05),
    often("*", "slow", chance=0.05, seconds=1.0),
)
SPEECH = (
    often("upgrade", status=429, chance=0.1),
    often("stream", "reset", chance=0.1, seconds=0.5),
    often("stream", "close", chance=0.05, seconds=0.5, status=1011),
)


@dataclass
class Outcome:
    """What became of it; every list of `wrong` but nothing else must be empty."""

    sessions: int
    seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    faults: dict[str, Counter[str]] = field(default_factory=dict)
    killed: int = 0
    redis_lost: int = 0
    claims: Counter[int] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    pushes: int = 0
    swept: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return not any(self.wrong.values())

    def show(self, console: Console) -> None:
        table = Table("what", "figures", title=f"{self.sessions} sessions in a storm")
        table.add_row("seconds", f"{self.seconds:.0f}")
        table.add_row("answers to uploads", spelled(self.answers))
        for name, counts in self.faults.items():
            table.add_row(f"faults of {name}", spelled(counts))
        table.add_row("workers killed with -9", str(self.killed))
        table.add_row("Redis killed and come back empty", str(self.redis_lost))
        table.add_row("runs by claims", spelled(self.claims))
        table.add_row("runs by failed attempts", spelled(self.attempts))
        table.add_row("pushes", f"{self.pushes} for {self.sessions * len(PLATFORMS)} to tell")
        table.add_row("dead uploads that a later sweep removed", str(self.swept))
        for name, found in self.wrong.items():
            table.add_row(name, f"[red]{len(found)}: {', '.join(found[:5])}" if found else "none")
        console.print(table)


def spelled(counts: Counter[Any]) -> str:
    return ", ".join(f"{name}: {number}" for name, number in sorted(counts.items())) or "none"


class Workers:
    """Worker processes, each kept running as on a machine of its own, and now and then one is killed."""

    def __init__(self, folder: Path, variables: list[dict[str, str]], *, seed: int) -> None:
        self._folder, self._variables = folder, variables
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * len(variables)
        self._random = random.Random(seed)
        self.killed = 0

    def keep(self) -> None:
        """Start what does not run."""
        for number, process in enumerate(self._processes):
            if process is None or process.poll() is not None:
                with (self._folder / f"worker-{number}.log").open("ab") as log:
                    self._processes[number] = subprocess.Popen(
                        [*COMMANDS, "worker"],
                        cwd=self._folder,
                        env=self._variables[number],
                        stdout=log,
                        stderr=log,
                    )

    def kill_one(self) -> None:
        process = self._random.choice(self._processes)
        if process and process.poll() is None:
            process.kill()
            process.wait()
            self.killed += 1

    def stop(self) -> None:
        for process in self._processes:
            if process:
                process.terminate()
        for process in self._processes:
            if process:
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


class Therapist:
    """One therapist with two phones; the first also sends what they record."""

    def __init__(self, url: str, number: int, answers: Counter[str]) -> None:
        self.email = email_of(number)
        self.id = ""
        self.number = number
        self.sessions: dict[int, str] = {}
        self.devices: list[str] = []
        self._answers = answers
        self._apps = [AppClient(url, timeout=60) for _ in PLATFORMS]

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

    def state(self, session_id: str) -> str:
        """The state that the app sees; "" if there was no good answer."""
        try:
            return str(self._apps[1].got("GET", f"/sessions/{session_id}")["state"])
        except (CallFailed, httpx.TransportError):
            return ""

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
    for command in (["migrate"], ["seed", "--file", str(seed), "--password", PASSWORD]):
        done = subprocess.run(
            [*COMMANDS, *command], cwd=folder, env=variables, check=False, capture_output=True
        )
        if done.returncode:
            raise RuntimeError(f"therapy {command[0]}: {done.stderr.decode()}")


def storm(
    cloud: Cloud,
    settings: dict[str, str],
    folder: Path,
    *,
    sessions: int,
    therapists: int = 4,
    kill_every: float = 5.0,
    patience: float = 900.0,
    seed: int = 1,
) -> Outcome:
    """Let it storm over `sessions` recordings, until each waits for review or `patience` seconds pass."""
    outcome = Outcome(sessions)
    with BadLine(cloud.azurite.port, share=1.0, within=400_000, seed=seed) as line:
        through = f"127.0.0.1:{cloud.azurite.port}", f"127.0.0.1:{line.port}"
        variables = environment(folder, settings) | {
            "AZURE_STORAGE_CONNECTION_STRING": cloud.azurite.connection_string.replace(*through),
            "THERAPY_LEASE_SECONDS": "3",
            "THERAPY_SWEEP_SECONDS": "1",
            "SPEECH_LANGUAGE": "en-US",
            "CELERY_CONCURRENCY": "4",
        }
        people(folder, variables, therapists)
        cloud.hear(TALK)
        workers = Workers(
            folder,
            [variables | {"THERAPY_SPEECH_ENGINE": each} for each in ("fast", "conversation")],
            seed=seed,
        )
        with running_server(folder, variables, "--no-worker") as server:
            crowd = [Therapist(server.url, number, outcome.answers) for number in range(therapists)]
            for therapist in crowd:
                therapist.sign_in()
            begin(cloud, seed)
            began = time.monotonic()
            try:
                rage(cloud, workers, crowd, outcome, kill_every=kill_every, until=began + patience)
                outcome.faults = struck(cloud, line)
                calm(cloud, line)
                workers.keep()
                asyncio.run(settle(variables, crowd, outcome, until=time.monotonic() + 120))
            finally:
                outcome.seconds = time.monotonic() - began
                outcome.killed = workers.killed
                workers.stop()
                for therapist in crowd:
                    therapist.close()
        account_for_pushes(cloud, crowd, outcome)
        account_for_blobs(cloud, outcome)
    return outcome


def begin(cloud: Cloud, seed: int) -> None:
    cloud.cosmos.clear(seed)
    cloud.cosmos.add(*COSMOS)
    for fake in (cloud.speech, cloud.fast, cloud.language, cloud.fcm):
        fake.faults.clear(seed)
        fake.add(*(SPEECH if fake is cloud.speech else ANSWERING))


def calm(cloud: Cloud, line: BadLine) -> None:
    line.share = 0.0
    cloud.cosmos.clear()
    for fake in (cloud.speech, cloud.fast, cloud.language, cloud.fcm):
        fake.faults.clear()


def rage(
    cloud: Cloud,
    workers: Workers,
    crowd: list[Therapist],
    outcome: Outcome,
    *,
    kill_every: float,
    until: float,
) -> None:
    """Send everything, kill workers and Redis meanwhile, until all waits for review."""
    each = outcome.sessions // len(crowd)
    senders = [
        threading.Thread(target=therapist.send, args=(range(each),), daemon=True)
        for therapist in crowd
    ]
    for sender in senders:
        sender.start()
    next_kill = time.monotonic() + kill_every
    ready: set[str] = set()
    while len(ready) < outcome.sessions and time.monotonic() < until:
        workers.keep()
        if time.monotonic() > next_kill:
            workers.kill_one()
            next_kill = time.monotonic() + kill_every
        taken = sum(len(therapist.sessions) for therapist in crowd)
        if outcome.redis_lost < 2 and taken > outcome.sessions * (outcome.redis_lost + 1) / 3:
            cloud.valkey.restart_empty()
            outcome.redis_lost += 1
        for therapist in crowd:
            waiting = [one for one in list(therapist.sessions.values()) if one not in ready]
            ready |= {one for one in waiting[:4] if therapist.state(one) == "awaiting_review"}
        time.sleep(0.2)
    for sender in senders:
        sender.join(30)


async def settle(
    variables: dict[str, str], crowd: list[Therapist], outcome: Outcome, *, until: float
) -> None:
    """Wait until nothing is due any more; then look at every session, and sweep as of tomorrow."""
    async with open_therapy(read_settings(variables)) as opened:
        desk = opened.desk
        tomorrow = desk.now() + timedelta(days=1)
        left = await unfinished(desk, tomorrow)
        while left and time.monotonic() < until:
            await asyncio.sleep(0.5)
            left = await unfinished(desk, tomorrow)
        outcome.wrong["runs and consequences left"] = left
        uploads = await desk.uploads.expired(tomorrow, 1_000)
        outcome.swept = len(uploads)
        await sweep(desk=replace(desk, now=lambda: tomorrow))
        left = [each.id for each in await desk.uploads.expired(tomorrow, 1_000)]
        left += [name for _, name in await desk.recordings.staged_before(tomorrow, 1_000)]
        outcome.wrong["uploads left"] = left
        await account_for_sessions(desk, crowd, outcome)


async def unfinished(desk: Desk, by: datetime) -> list[str]:
    runs = await desk.runs.due(by, 1_000)
    return [each.session_id for each in (*runs, *await desk.outbox.overdue(by, 1_000))]


async def account_for_sessions(desk: Desk, crowd: list[Therapist], outcome: Outcome) -> None:
    """Each recording is one session: transcribed once, waiting for review, one row in one list."""
    (practice,) = await practices(desk=desk)
    wrong, ids = [], [one for therapist in crowd for one in therapist.sessions.values()]
    wrong += [one for one, times in Counter(ids).items() if times > 1]
    for therapist in crowd:
        listed: list[str] = []
        before = ""
        while page := await desk.rows.of_therapist(
            practice.id, therapist.id, set(ApiState), before, 100
        ):
            wrong += [row.session_id for row in page if row.state is not ApiState.AWAITING_REVIEW]
            listed += [row.session_id for row in page]
            before = page[-1].sort_key
        if sorted(listed) != sorted(therapist.sessions.values()):
            wrong.append(therapist.email)
    for one in ids:
        session = await desk.sessions.load(practice.id, one)
        runs = await desk.runs.of_session(practice.id, one)
        outcome.claims.update(run.claims for run in runs)
        outcome.attempts.update(run.attempt for run in runs)
        words = await desk.sessions.transcript(practice.id, one, session.transcript)
        said = [utterance.text for utterance in words.utterances]
        if (
            [run.state for run in runs] != [RunState.DONE]
            or session.transcript != 1
            or said != [phrase["text"] for phrase in TALK]
        ):
            wrong.append(one)
    missing = outcome.sessions - len(ids)
    outcome.wrong["recordings that are no session"] = ["?"] * missing
    outcome.wrong["sessions not once in review"] = wrong


def account_for_pushes(cloud: Cloud, crowd: list[Therapist], outcome: Outcome) -> None:
    """Each phone of the therapist, and no other, is told of each session under one notification id."""
    told: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for message in cloud.fcm.messages:
        session = message["data"]["dataId"]
        told[message["device"], session].add(message["android"]["collapse_key"])
        if message["data"]["notification_type"] != "SESSION_READY":
            outcome.wrong.setdefault("failures told", []).append(session)
    outcome.pushes = len(cloud.fcm.messages)
    due = {
        (device, session)
        for therapist in crowd
        for device in therapist.devices
        for session in therapist.sessions.values()
    }
    outcome.wrong["phones not told"] = sorted(session for _, session in due - told.keys())
    outcome.wrong["phones told of others' sessions"] = sorted(one for _, one in told.keys() - due)
    outcome.wrong["told under several ids"] = sorted(
        session for (_, session), ids in told.items() if len(ids) > 1
    )


def account_for_blobs(cloud: Cloud, outcome: Outcome) -> None:
    """There is one recording for each session, and nothing half."""
    with BlobServiceClient.from_connection_string(cloud.azurite.connection_string) as service:
        blobs = service.get_container_client("audio-uploads").list_blobs(
            include=["uncommittedblobs"]
        )
        found = [blob.name for blob in blobs]
    extra = len(found) - outcome.sessions
    outcome.wrong["recordings too many or too few"] = ["?"] * abs(extra)


def struck(cloud: Cloud, line: BadLine) -> dict[str, Counter[str]]:
    """What the services did, by name."""
    cosmos: Counter[str] = Counter()
    for counts in cloud.cosmos.seen()["containers"].values():
        cosmos.update(counts["struck"])
    return {
        "Cosmos": cosmos,
        "Blob storage": Counter({"reset": line.resets}),
        "Speech": cloud.speech.faults.struck,
        "Fast Transcription": cloud.fast.faults.struck,
        "Language": cloud.language.faults.struck,
        "FCM": cloud.fcm.faults.struck,
    }
