"""`therapy all`: children that die are started again, a stop is passed on, nobody is left behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.builders import NOW, a_wav
from tests.cli.conftest import PASSWORD, Run, bare_environment
from therapy.config import Settings
from therapy.entrypoints.cli.demo import PATIENT, THERAPIST
from therapy.entrypoints.cli.interruption import SAME_SECONDS
from therapy.entrypoints.cli.mobile_client import MobileClient, metadata_of
from therapy.entrypoints.cli.own_server import Server, command, running
from therapy.entrypoints.cli.supervisor import names_of_parts

pytestmark = pytest.mark.slow
URL = re.compile(r"http://\S+")
PATIENCE = 120.0


def until(true: object) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def children_of(parent: int) -> dict[int, str]:
    """The living children of a process and their names, as `ps -o comm` has them."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found[int(folder.name)] = (folder / "comm").read_text().strip()
    return found


def settings_for(data_dir: Path, **more: str) -> dict[str, str]:
    plain = {"PORT": "0", "GUNICORN_WORKERS": "2", "THERAPY_SWEEP_SECONDS": "0.3"}
    return bare_environment(data_dir) | plain | {"THERAPY_DISK_RESERVE_BYTES": "0"} | more


@contextlib.contextmanager
def all_running(folder: Path, settings: dict[str, str]) -> Iterator[tuple[Server, int]]:
    """Everything, and the process id of the one that keeps it."""
    mine = set(children_of(os.getpid()))
    with running(folder, "all", settings, "all", ready=URL) as server:
        (keeper,) = (pid for pid in children_of(os.getpid()) if pid not in mine)
        until(lambda: "therapy works on" in (folder / "all.out").read_text())
        yield server, keeper


@pytest.fixture
def linux() -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc to look for children")


def lines_of(server: Server) -> list[dict[str, object]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


@pytest.mark.usefixtures("linux")
def test_whatever_dies_is_started_again_and_nothing_is_left_after_a_stop(
    tmp_path: Path, data_dir: Path
) -> None:
    with all_running(tmp_path, settings_for(data_dir)) as (server, keeper):
        first = children_of(keeper)
        assert sorted(first.values()) == ["therapy:api-1", "therapy:api-2", "therapy:worker"]
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(children_of(keeper).keys() - first.keys()) == 3)
        # The port was never closed: who came in between waited.
        assert httpx.get(f"{server.url}/health/ready", timeout=PATIENCE).status_code == 200
        second = children_of(keeper)
    for pid in (*first, *second):
        assert not Path(f"/proc/{pid}").exists()
    told = [line for line in lines_of(server) if "child" in line]
    assert {line["child"] for line in told} == {"api-1", "api-2", "worker"}
    assert {line["status"] for line in told} == {-signal.SIGKILL}


def memory_of(pid: int, kind: str) -> int:
    """Kilobytes that no file backs: `Pss_Anon` counts of what is shared a part, `Anonymous` the whole."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith(f"{kind}:"))


@pytest.mark.usefixtures("linux")
def test_its_processes_share_the_memory_of_what_they_have_imported(
    tmp_path: Path, data_dir: Path
) -> None:
    with all_running(tmp_path, settings_for(data_dir)) as (server, keeper):
        httpx.get(f"{server.url}/health/ready", timeout=PATIENCE).raise_for_status()
        pids = [keeper, *children_of(keeper)]
        counted = {
            kind: sum(memory_of(pid, kind) for pid in pids) for kind in ("Pss_Anon", "Anonymous")
        }
    assert len(pids) == 4
    assert counted["Pss_Anon"] < 0.7 * counted["Anonymous"], counted


@pytest.mark.usefixtures("linux")
def test_a_recording_on_its_way_when_the_stop_comes_is_taken_in(
    tmp_path: Path, run: Run, data_dir: Path
) -> None:
    assert run("seed", "--password", PASSWORD).returncode == 0
    settings = settings_for(data_dir, GUNICORN_WORKERS="1")
    with all_running(tmp_path, settings) as (server, keeper), MobileClient(server.url) as app:
        user = app.login(THERAPIST, PASSWORD)
        therapist = {"id": user["userId"], "name": user["userFullName"], "email": THERAPIST}
        metadata = metadata_of(therapist=therapist, patient=PATIENT, day=NOW.date())
        head = (
            b'--b\r\nContent-Disposition: form-data; name="audio_file"; filename="a.wav"\r\n'
            b"Content-Type: audio/wav\r\n\r\n"
        )
        tail = b'\r\n--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'

        def body() -> Iterator[bytes]:
            yield head + a_wav(b"\x10\x00" * 80_000)
            time.sleep(0.3)
            os.kill(keeper, signal.SIGTERM)
            time.sleep(1.0)
            yield tail + json.dumps(metadata).encode() + b"\r\n--b--\r\n"

        headers = {
            "Authorization": f"Bearer {app.token}",
            "Content-Type": "multipart/form-data; boundary=b",
        }
        answer = httpx.post(
            f"{server.url}/sessions/upload", content=body(), headers=headers, timeout=PATIENCE
        )
        assert answer.status_code == 202, answer.text
        until(lambda: keeper not in children_of(os.getpid()))


@pytest.mark.usefixtures("linux")
def test_children_end_when_their_keeper_is_killed(tmp_path: Path, data_dir: Path) -> None:
    with contextlib.suppress(Exception):
        with all_running(tmp_path, settings_for(data_dir)) as (_, keeper):
            left = children_of(keeper)
            os.kill(keeper, signal.SIGKILL)
            until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
            left = {}
        assert not left
    assert not left


def test_a_wrong_setting_ends_it_at_once_with_one_message(tmp_path: Path, data_dir: Path) -> None:
    said = subprocess.run(
        command("all"),
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=settings_for(data_dir, GUNICORN_WORKERS="many"),
    )
    assert said.returncode == 2
    assert "GUNICORN_WORKERS must be" in said.stderr


KEPT = """
    import ctypes, sys, time
    from therapy.entrypoints.cli.supervisor import Child, Supervisor
    ctypes.CDLL(None).prctl(36, 1)  # orphans come to us, as they do to process 1
    note = "import time; print(time.monotonic(), flush=True)"
    orphan = "import os, time; os.fork() or time.sleep(0.5)"
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN)"
    stubborn += "; print('here', flush=True); time.sleep(60)"
    commands = {commands}
    children = [Child(name, [sys.executable, "-c", code], {{}}) for name, code in commands.items()]
    sys.exit(Supervisor(children, drain={drain}).run())
"""


@contextlib.contextmanager
def kept(commands: str, drain: float) -> Iterator[subprocess.Popen[str]]:
    code = textwrap.dedent(KEPT).format(commands=commands, drain=drain)
    keeper = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        yield keeper
    finally:
        keeper.kill()
        keeper.communicate()


def test_the_pause_before_a_child_is_started_again_grows() -> None:
    with kept("{'noting': note + '; raise SystemExit(3)'}", 5) as keeper:
        assert keeper.stdout is not None
        times = [float(keeper.stdout.readline()) for _ in range(4)]
        keeper.terminate()
        assert keeper.wait(60) == 0
    pauses = [after - before for before, after in pairwise(times)]
    for pause, least in zip(pauses, (1, 2, 4), strict=True):
        assert pause >= least


def test_a_child_that_does_not_stop_is_killed_when_its_time_is_over() -> None:
    with kept("{'stubborn': stubborn}", 1) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == "here\n"
        keeper.terminate()
        assert keeper.wait(30) == 1


def test_a_second_ctrl_c_kills_them_all_at_once_and_ends_with_130() -> None:
    with kept("{'stubborn': stubborn}", 3_000) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == "here\n"
        keeper.send_signal(signal.SIGINT)
        assert keeper.stdout.readline().startswith("stopping: ")
        time.sleep(SAME_SECONDS + 0.05)
        keeper.send_signal(signal.SIGINT)
        assert keeper.wait(30) == 130


def test_a_child_that_was_asked_for_wrongly_ends_them_all() -> None:
    with kept(
        "{'wrong': 'raise SystemExit(2)', 'other': 'import time; time.sleep(60)'}", 5
    ) as keeper:
        assert keeper.wait(60) == 2


@pytest.mark.usefixtures("linux")
def test_what_is_left_behind_by_others_is_waited_for() -> None:
    with kept("{'orphans': orphan, 'here': note + '; time.sleep(60)'}", 5) as keeper:
        assert keeper.stdout is not None
        keeper.stdout.readline()
        time.sleep(2)
        zombies = [
            folder.name
            for folder in Path("/proc").glob("[0-9]*")
            if _is_zombie_of(folder, keeper.pid)
        ]
        assert zombies == []
        keeper.terminate()
        assert keeper.wait(60) == 0


def _is_zombie_of(folder: Path, parent: int) -> bool:
    try:
        state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return False
    return state == "Z" and int(ppid) == parent


def test_as_many_workers_and_api_processes_run_as_the_settings_say() -> None:
    assert names_of_parts(Settings(api_processes=2)) == (["worker"], ["api-1", "api-2"])
    assert names_of_parts(Settings(worker_processes=2)) == (["worker-1", "worker-2"], ["api-1"])
