"""A storm over a whole installation: every service fails now and then, Redis comes back empty, workers die.

An API process and workers share Cosmos, Blob storage and Redis as they would on several machines, and
recordings come in from several therapists meanwhile, sent again whenever an answer was no good, as the
app does. When it is calm again, `storm` looks at what is left: each recording must be one session that
waits for review, each phone told of each session under one notification id, and nothing unfinished.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests import forked
from tests.azure.storm_crowd import Therapist, people
from tests.azure.storm_outcome import (
    TALK,
    Outcome,
    account_for_blobs,
    account_for_pushes,
    settle,
)
from tests.emulators.demo import Cloud, environment
from tests.emulators.faults import Fault
from tests.emulators.line import BadLine

CALM_SECONDS = 120.0
"""How long it may take at most until all is done once no more faults come."""


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


class Workers:
    """Worker processes, each kept running as on a machine of its own, and now and then one is killed."""

    def __init__(self, folder: Path, variables: list[dict[str, str]], *, seed: int) -> None:
        self._folder, self._variables = folder, variables
        self._processes: list[forked.Therapy | None] = [None] * len(variables)
        self._random = random.Random(seed)
        self.killed = 0

    def keep(self) -> None:
        """Start what does not run."""
        for number, process in enumerate(self._processes):
            if process is None or process.poll() is not None:
                log = f"worker-{number}.log"
                self._processes[number] = forked.Therapy(
                    "worker",
                    environment=self._variables[number],
                    folder=self._folder,
                    out=log,
                    err=log,
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
            # By default two tries may cost money, and whoever wants more asks for them: nobody does here.
            "THERAPY_PAID_TRIES": "100",
        }
        people(folder, variables, therapists)
        cloud.hear(TALK)
        workers = Workers(
            folder,
            [variables | {"THERAPY_SPEECH_ENGINE": each} for each in ("fast", "conversation")],
            seed=seed,
        )
        with forked.serving(variables, folder, "--no-worker") as url:
            crowd = [Therapist(url, number, outcome.answers) for number in range(therapists)]
            for therapist in crowd:
                therapist.sign_in()
            begin(cloud, seed)
            began = time.monotonic()
            try:
                rage(cloud, workers, crowd, outcome, kill_every=kill_every, until=began + patience)
                outcome.faults = struck(cloud, line)
                calm(cloud, line)
                workers.keep()
                asyncio.run(
                    settle(variables, crowd, outcome, until=time.monotonic() + CALM_SECONDS)
                )
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
        fake.add(Fault(status=503))  # of a few requests chance may strike none
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
            ready |= therapist.in_review()
        time.sleep(0.5)
    for sender in senders:
        sender.join(30)


def struck(cloud: Cloud, line: BadLine) -> dict[str, Counter[str]]:
    """What the services did, by name."""
    return {
        "Cosmos": cloud.cosmos.struck(),
        "Blob storage": Counter({"reset": line.resets}),
        "Speech": cloud.speech.faults.struck,
        "Fast Transcription": cloud.fast.faults.struck,
        "Language": cloud.language.faults.struck,
        "FCM": cloud.fcm.faults.struck,
    }
