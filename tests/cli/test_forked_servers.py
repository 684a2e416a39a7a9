"""`therapy serve` in several processes: they share the port, and each is replaced when it dies."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import PASSWORD, Run, bare_environment
from tests.cli.test_supervisor import PATIENCE, children_of, until
from therapy.adapters.local.sqlite.database import FILE_NAME
from therapy.entrypoints.cli.demo import THERAPIST
from therapy.entrypoints.cli.own_server import Server, command, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc"),
]
URL = re.compile(r"http://\S+")
CONNECTIONS = 8


@contextlib.contextmanager
def serving(folder: Path, data_dir: Path, **more: str) -> Iterator[tuple[Server, int]]:
    """Two processes, and the process id of the one that keeps them."""
    plain = {"PORT": "0", "GUNICORN_WORKERS": "2", "THERAPY_DISK_RESERVE_BYTES": "0"}
    mine = set(children_of(os.getpid()))
    settings = bare_environment(data_dir) | plain | more
    with running(folder, "server", settings, "serve", ready=URL) as server:
        (keeper,) = (pid for pid in children_of(os.getpid()) if pid not in mine)
        until(lambda: (folder / "server.out").read_text().count("therapy listens at") == 2)
        yield server, keeper


def connections_of(pid: int, port: int) -> set[int]:
    """The ports of the clients whose connections a process holds."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    clients = {
        each[9]: int(each[2].rpartition(":")[2], 16)
        for each in lines
        if int(each[1].rpartition(":")[2], 16) == port
    }
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inode = each.readlink().name.removeprefix("socket:[").rstrip("]")
            found.add(clients.get(inode, 0))
    return found - {0}


def client_port(answer: httpx.Response) -> int:
    return int(answer.extensions["network_stream"].get_extra_info("client_addr")[1])


def test_processes_share_the_port_are_replaced_and_leave_nothing_after_a_stop(
    tmp_path: Path, data_dir: Path
) -> None:
    with serving(tmp_path, data_dir) as (server, keeper):
        first = children_of(keeper)
        assert len(first) == 2
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(children_of(keeper).keys() - first.keys()) == 2)
        # The port was never closed: who came in between waited.
        assert httpx.get(f"{server.url}/health/ready", timeout=PATIENCE).status_code == 200
        second = children_of(keeper)
    for pid in (*first, *second):
        assert not Path(f"/proc/{pid}").exists()


def test_processes_end_when_their_keeper_is_killed(tmp_path: Path, data_dir: Path) -> None:
    left: dict[int, str] = {}
    with contextlib.suppress(Exception), serving(tmp_path, data_dir) as (_, keeper):
        left = children_of(keeper)
        os.kill(keeper, signal.SIGKILL)
    assert len(left) == 2
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))


def test_an_ended_login_is_refused_at_once_where_it_ended_and_soon_elsewhere(
    tmp_path: Path, run: Run, data_dir: Path
) -> None:
    """It ends in the process that is sent a refresh token for the second time, too late."""
    assert run("seed", "--password", PASSWORD).returncode == 0
    with serving(tmp_path, data_dir) as (server, keeper), contextlib.ExitStack() as stack:
        sign_in = {"email": THERAPIST, "password": PASSWORD}
        login = httpx.post(f"{server.url}/auth/login", json=sign_in).json()
        bearing = {"Authorization": f"Bearer {login['token']}"}
        ports: dict[httpx.Client, int] = {}

        def parts() -> list[set[int]]:
            port = httpx.URL(server.url).port or 0
            return [connections_of(pid, port) for pid in children_of(keeper)]

        def have_all_connections() -> bool:
            """Open some more: on an idle machine one process may take all that come."""
            for _ in range(CONNECTIONS):
                client = stack.enter_context(httpx.Client(base_url=server.url, timeout=PATIENCE))
                ports[client] = client_port(client.get("/profiles/me", headers=bearing))
            return all(parts())

        until(have_all_connections)
        clients = [*ports]

        spent = login["refreshToken"]
        token = spent
        for _ in range(2):
            token = (
                clients[0]
                .post("/auth/refresh", json={"refreshToken": token})
                .json()["refreshToken"]
            )
        for client in clients:
            assert client.get("/profiles/me", headers=bearing).status_code == 200
        assert clients[0].post("/auth/refresh", json={"refreshToken": spent}).status_code == 401
        (here,) = (part for part in parts() if ports[clients[0]] in part)
        for client in clients:
            if ports[client] in here:
                assert client.get("/profiles/me", headers=bearing).status_code == 401

        until(
            lambda: all(
                client.get("/profiles/me", headers=bearing).status_code == 401 for client in clients
            )
        )


def test_a_fault_that_no_restart_mends_ends_them_as_it_ends_one_process(
    tmp_path: Path, data_dir: Path
) -> None:
    data_dir.mkdir()
    with contextlib.closing(sqlite3.connect(data_dir / FILE_NAME)) as newer:
        newer.execute("PRAGMA user_version = 1000")
    plain = bare_environment(data_dir) | {"PORT": "0", "THERAPY_DISK_RESERVE_BYTES": "0"}
    one, two = (
        subprocess.run(
            command("serve"),
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=plain | {"GUNICORN_WORKERS": processes},
            timeout=30,
        )
        for processes in "12"
    )
    assert one.returncode == two.returncode == 1
    said = [[each for each in both.stderr.splitlines() if "newer" in each] for both in (one, two)]
    assert len(said[0]) == 1
    assert set(said[1]) == set(said[0])


DEFECTIVE = """
import os

from therapy.entrypoints.cli.forked_servers import ForkedChild


def serve() -> None:
    raise RuntimeError("a defect")


child = ForkedChild("api-1", serve)
child.start()
os.waitpid(child.pid, 0)
"""


def test_a_defect_that_ends_a_process_is_shown() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DEFECTIVE],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert ended.stderr.endswith("RuntimeError: a defect\n")


WITHOUT_ROOM = """
import os, resource, signal

from therapy.entrypoints.cli.forked_servers import ForkedChild

child = ForkedChild("api-1", lambda: None)
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
opened = []
try:
    while True:
        opened.append(os.dup(0))
except OSError:
    child.start()
print(child.pid, child.due is not None, signal.pthread_sigmask(signal.SIG_BLOCK, ()))
for each in opened:
    os.close(each)
child.start()
print(os.waitpid(child.pid, 0)[1], child.due)
"""


def test_a_process_that_cannot_be_started_is_started_later() -> None:
    """Else its keeper would end, and all the others with it."""
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROOM],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.stdout.splitlines() == ["0 True set()", "0 None"], ended.stderr
