"""Several machines on one Cosmos, Blob storage and Redis: workers come and go, each session is done once."""

import contextlib
import itertools
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import forked
from tests.azure.installing import *  # noqa: F403 - fixtures are found by name
from tests.azure.installing import therapy
from tests.builders import NOW, a_wav
from tests.emulators.fast import FakeFast
from tests.emulators.faults import Fault
from tests.emulators.fcm import FakeFcm
from tests.emulators.valkey import Valkey
from therapy.entrypoints.cli.demo import PATIENT, THERAPIST
from therapy.entrypoints.cli.mobile_client import MobileClient, Upload, metadata_of

pytestmark = [pytest.mark.slow, pytest.mark.emulator]
PASSWORD = "a password to try with"
PATIENCE = 60.0
WORKS = re.compile("therapy works on")
NUMBERS = itertools.count()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)


@contextlib.contextmanager
def a_worker(environment: dict[str, str], folder: Path) -> Iterator[forked.Therapy]:
    log = f"worker-{next(NUMBERS)}"
    process = forked.Therapy("worker", environment=environment, folder=folder, out=log)
    try:
        process.await_text(WORKS)
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def sign_in(app: MobileClient) -> dict[str, Any]:
    user = app.login(THERAPIST, PASSWORD)
    device = {"token": "phone", "platform": "ANDROID"}
    device |= {"user_id": user["userId"], "user_type": user["userType"]}
    app.got("POST", "/devices/register", expected=204, json=device)
    return user


def sound(number: int) -> bytes:
    return a_wav(bytes([number, 1]) * 16_000)


def upload(app: MobileClient, number: int) -> str:
    therapist = {"id": app.user["userId"], "name": app.user["userFullName"], "email": THERAPIST}
    metadata = metadata_of(therapist=therapist, patient=PATIENT, day=NOW.date())
    return str(app.upload(Upload(sound(number), metadata)).json()["session_id"])


def in_review(app: MobileClient) -> set[str]:
    """Return the sessions that await review, those of the seed among them."""
    return {each["id"] for each in app.got("GET", "/data/pending")}


def told_by(fcm: FakeFcm) -> set[tuple[str, str]]:
    """Return what devices show: a push that comes again takes the place of the first."""
    return {(each["data"]["dataId"], each["android"]["collapse_key"]) for each in fcm.messages}


def test_workers_share_the_work_and_one_that_stops_or_dies_loses_and_doubles_nothing(
    environment: dict[str, str],
    tmp_path: Path,
    fake_fast: FakeFast,
    fake_fcm: FakeFcm,
    valkey: Valkey,
) -> None:
    environment |= {
        "THERAPY_LEASE_SECONDS": "5",  # a push has four fifths of it, then waits twice as long
        "THERAPY_SWEEP_SECONDS": "1",
        "CELERY_CONCURRENCY": "2",
    }
    assert therapy(environment, tmp_path, "seed", "--password", PASSWORD).returncode == 0
    with (
        forked.serving(environment, tmp_path, "--no-worker") as url,
        MobileClient(url) as app,
        a_worker(environment, tmp_path) as stopped,
        a_worker(environment, tmp_path) as killed,
    ):
        sign_in(app)
        ids = [upload(app, number) for number in range(4)]
        until(lambda: in_review(app) >= set(ids))

        link = app.got("POST", f"/sessions/{ids[0]}/recording-link")
        assert httpx.get(link["url"]).content == sound(0)

        # Both are in mid-work when the one is stopped and the other killed.
        fake_fast.add(Fault("transcribe", "slow", seconds=30, times=4))
        ids += [upload(app, number) for number in range(4, 8)]
        until(lambda: fake_fast.faults.struck["slow"] == 4)
        fake_fast.faults.clear()
        valkey.restart_empty()
        stopped.send_signal(signal.SIGTERM)
        # The slow answer would take half a minute: unfinished work is put back, not waited for.
        assert stopped.wait(20) == 0
        killed.kill()
        with a_worker(environment, tmp_path) as third:
            until(lambda: in_review(app) >= set(ids))
            for each in ids:
                found = app.got("GET", f"/sessions/{each}")
                assert (found["state"], found["heard"]["version"]) == ("awaiting_review", 1)
            until(lambda: len(told_by(fake_fcm)) == 8)  # one may come twice, where a worker died
            third.send_signal(signal.SIGTERM)
            assert third.wait(20) == 0
    told = told_by(fake_fcm)
    assert len(told) == 8
    assert {session for session, _ in told} == set(ids)
