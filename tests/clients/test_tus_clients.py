"""tuspy and tus-js-client, over a line that breaks off every 2 MB, on two servers in turn with a restart."""

import json
import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.builders import a_wav
from tests.clients.cutting_proxy import CuttingProxy, Line, cutting
from tests.clients.test_typescript_client import MODULES, SOURCES
from tests.http.clinic import metadata_of
from tests.http.server import Server, serving

PYTHON = Path(__file__).resolve().parent / "tus_python.py"
AUDIO = a_wav(bytes(range(256)) * (4 * 1024 * 17))
"""17 MiB: four blocks and a piece."""

CUT_AFTER = 2_000_000
SLOW = 30.0

pytestmark = pytest.mark.slow

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (MODULES / "tus-js-client").is_dir(),
    reason="needs Node 20 or newer, and `make .tools/clients/.installed`",
)


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tus")
    (folder / "node_modules").symlink_to(MODULES, target_is_directory=True)
    return Path(shutil.copy(SOURCES / "tus.mjs", folder))


def restart(proxy: CuttingProxy, stack: ExitStack, first: ExitStack, directory: Path) -> None:
    """End the first server in the middle of the upload; another one takes its place."""
    until = time.monotonic() + SLOW
    while proxy.passed < len(AUDIO) // 2 and time.monotonic() < until:
        time.sleep(0.01)
    ended = proxy.servers.pop(0)
    first.close()
    proxy.servers.insert(0, stack.enter_context(serving(directory)).port)
    assert ended not in proxy.servers


@pytest.mark.parametrize(
    ("client", "part"),
    [
        ("tuspy", "3000001"),
        pytest.param("tus-js-client", "all", marks=needs_node),
    ],
)
def test_a_client_s_upload_arrives_as_one_session_whatever_breaks_off(
    client: str, part: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source, directory = tmp_path / "session.wav", tmp_path / "data"
    source.write_bytes(AUDIO)
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        one = first.enter_context(serving(directory))
        two = stack.enter_context(serving(directory))
        proxy = stack.enter_context(cutting([one.port, two.port], Line(CUT_AFTER)))
        restarting = threading.Thread(target=restart, args=(proxy, stack, first, directory))
        restarting.start()
        where = f"http://127.0.0.1:{proxy.port}"
        program = (
            [sys.executable, str(PYTHON)]
            if client == "tuspy"
            else ["node", str(request.getfixturevalue("javascript"))]
        )
        told = [where, two.token(), str(source), json.dumps(metadata_of()), part]
        ran = subprocess.run(
            [*program, *told], capture_output=True, text=True, check=False, timeout=120
        )
        restarting.join()
        assert ran.returncode == 0, ran.stderr
        assert proxy.cuts >= 3
        assert len(proxy.served) >= 2
        check_arrived(two, ran.stdout.strip())


def check_arrived(server: Server, where: str) -> None:
    """Assert that the upload became one session, which plays what was sent, and that nothing else is left."""
    base = f"http://127.0.0.1:{server.port}"
    headers = {"Authorization": f"Bearer {server.token()}"}
    with httpx.Client(base_url=base, headers=headers) as caller:
        shown = caller.get("/uploads/" + where.rpartition("/")[2]).json()
        assert (shown["offset"], shown["problem"]) == (len(AUDIO), None)
        listed = caller.get("/sessions").json()["sessions"]
        assert [each["id"] for each in listed] == [shown["session_id"]]
        played = caller.get(f"/sessions/{shown['session_id']}/recording")
        assert played.content == AUDIO
    until = time.monotonic() + SLOW
    while (left := server.left())["staging"] and time.monotonic() < until:
        time.sleep(0.05)  # a server may not have noticed yet that a connection was cut
    assert (left["staging"], len(left["kept"])) == ([], 1)
