"""`therapy serve` and `therapy worker` as processes: how they start, what they log, how they end."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.builders import NOW
from tests.cli.conftest import PASSWORD, Run, bare_environment, with_installation
from therapy.domain.run import Run as Work
from therapy.domain.run import RunState
from therapy.entrypoints.cli.demo import PATIENT, THERAPIST
from therapy.entrypoints.cli.interruption import SAME_SECONDS
from therapy.entrypoints.cli.mobile_client import MobileClient, Upload, metadata_of
from therapy.entrypoints.cli.own_server import environment, running_server
from therapy.entrypoints.cli.wav_recordings import DEMO, app_wav, decoded, demo_file
from therapy.workflows.installation import Installation

slow = pytest.mark.slow


def test_a_port_in_use_is_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = run("serve", "--port", str(taken.getsockname()[1]))
    assert said.returncode == 1
    assert "already in use" in said.stderr
    assert len(said.errors) == 1


def test_an_address_that_is_nobodys_is_one_line(run: Run) -> None:
    said = run("serve", "--host", "192.0.2.1", "--port", "0")
    assert said.returncode == 1
    assert len(said.errors) == 1


@slow
def test_a_data_directory_that_cannot_be_made_ends_serve_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = bare_environment(tmp_path / "file" / "data") | {"PORT": "0"}
    said = subprocess.run(
        [sys.executable, "-P", "-m", "therapy.entrypoints.cli", "serve"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=settings,
    )
    assert said.returncode == 1
    assert len(said.stderr.splitlines()) == 1


@slow
def test_requests_are_logged_as_metadata_and_sigterm_ends_with_0(tmp_path: Path) -> None:
    with running_server(tmp_path, environment(tmp_path / "data")) as server:
        wrong = {"email": "dana@example.health", "password": "not her password"}
        assert httpx.post(f"{server.url}/auth/login", json=wrong).status_code == 401
        assert httpx.get(f"{server.url}/health/live").status_code == 200
        assert server.url.startswith("http://127.0.0.1:")
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/auth/login", 401),
        ("GET", "/health/live", 200),
    ]
    assert "dana" not in server.log.read_text()
    first, *summary, stopping, stopped = (tmp_path / "server.out").read_text().splitlines()
    assert str(tmp_path / "data") in first
    assert [line.split(":")[0].strip() for line in summary] == ["speech", "adapters", "settings"]
    assert stopping.startswith("stopping: ")
    assert stopped == "stopped"


@slow
def test_a_second_ctrl_c_ends_a_server_at_once_with_130(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "therapy.entrypoints.cli", "serve", "--no-worker"],
        cwd=tmp_path,
        env=bare_environment(tmp_path / "data") | {"PORT": "0", "GUNICORN_TIMEOUT": "600"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().split("http://127.0.0.1:")[1].split()[0])
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            head = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            waiting.sendall(f"{head}Content-Length: 10\r\n\r\n{{".encode())
            httpx.get(f"http://127.0.0.1:{port}/health/live")  # by now it has begun
            process.send_signal(signal.SIGINT)
            while not (line := process.stdout.readline()).startswith("stopping"):
                assert line, "it ended"
            time.sleep(SAME_SECONDS + 0.05)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        assert "ended at once" in process.stdout.read()
    finally:
        process.kill()
        process.communicate()


@slow
def test_the_mailbox_is_followed_until_ctrl_c_which_is_its_documented_end(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "therapy.entrypoints.cli", "mail", "--follow"],
        cwd=tmp_path,
        env=bare_environment(tmp_path / "data") | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "The mailbox is empty.\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert (process.returncode, err.splitlines()[-1]) == (0, "stopped")


@contextmanager
def a_worker(folder: Path, data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "therapy.entrypoints.cli", "worker"],
        cwd=folder,
        env=bare_environment(data_dir) | {"THERAPY_SWEEP_SECONDS": "0.2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@slow
def test_a_worker_says_where_it_works_and_sigint_ends_it_with_0(tmp_path: Path) -> None:
    with a_worker(tmp_path, tmp_path / "data") as worker:
        assert worker.stdout is not None
        assert str(tmp_path / "data") in worker.stdout.readline()
        worker.send_signal(signal.SIGINT)
        assert worker.wait(20) == 0
        assert worker.stdout.read().splitlines()[-1] == "stopped"


@slow
def test_sigterm_in_mid_work_puts_the_work_back_and_a_worker_of_its_own_finishes_it(
    tmp_path: Path, run: Run, data_dir: Path
) -> None:
    assert run("seed", "--password", PASSWORD).returncode == 0
    with running_server(tmp_path, environment(data_dir)) as server, MobileClient(server.url) as app:
        user = app.login(THERAPIST, PASSWORD)
        therapist = {"id": user["userId"], "name": user["userFullName"], "email": THERAPIST}
        wav = app_wav(decoded(demo_file(DEMO), 20))
        metadata = metadata_of(therapist=therapist, patient=PATIENT, day=NOW.date())
        session_id = app.upload(Upload(wav, metadata)).json()["session_id"]
        until_state(app, session_id, "transcribing")

    async def work(here: Installation) -> Work:
        person = await here.records.people.by_email(THERAPIST)
        first, *_ = await here.records.runs.of_session(person.practice_id, session_id)
        return first

    put_back = with_installation(data_dir, work)
    assert put_back.state is RunState.DUE
    assert put_back.error_code == ""
    with a_worker(tmp_path, data_dir) as worker:
        until = time.monotonic() + 120
        while with_installation(data_dir, work).state is not RunState.DONE:
            assert time.monotonic() < until
            time.sleep(0.5)
        worker.terminate()
        assert worker.wait(20) == 0


def until_state(app: MobileClient, session_id: str, state: str) -> None:
    until = time.monotonic() + 30
    while app.got("GET", f"/sessions/{session_id}")["state"] != state:
        assert time.monotonic() < until
        time.sleep(0.05)
