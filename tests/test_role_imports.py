"""What a process has imported once it serves: nothing that only other processes, or other families, use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SERVED = """
import asyncio, json, sys
from therapy.entrypoints.cli.environment import settings_of_this_machine

settings = settings_of_this_machine()

async def be_live():
    if sys.argv[1] == "worker":
        from therapy.entrypoints.worker import working
        from therapy.wiring import open_therapy
        async with open_therapy(settings) as opened, working(opened):
            await asyncio.sleep(0.2)
    else:
        from therapy.entrypoints.http.app import make_app
        from therapy.entrypoints.http.server import HttpServer
        async with make_app(settings, with_worker=sys.argv[1] == "serve").lifespan():
            await asyncio.sleep(0.2)

asyncio.run(be_live())
print("imported", json.dumps(sorted(sys.modules)))
"""
"""What `therapy serve`, `serve --no-worker` and `worker` do until they are live."""

CLOUD = {
    "azure",
    "firebase_admin",
    "google",
    "redis",
    "taskiq",
    "aiosmtplib",
    "aiohttp",
    "pydantic",
}
RECOGNITION = {"av", "numpy", "faster_whisper", "ctranslate2", "onnxruntime", "jiwer"}
"""What children of a worker import, or `therapy accuracy` does."""

TERMINAL = {"rich.progress", "therapy.entrypoints.cli.terminal"}
SERVER = {"litestar", "uvicorn"}


def imported(role: str, settings: dict[str, str], folder: Path) -> set[str]:
    """Every module and package that a process of this role has imported."""
    said = subprocess.run(
        [sys.executable, "-c", SERVED, role],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "THERAPY_DISK_RESERVE_BYTES": "0"} | settings,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    _, _, listed = said.stdout.partition("imported ")
    modules = set(json.loads(listed))
    return modules | {each.partition(".")[0] for each in modules}


@pytest.mark.parametrize("role", ["serve", "api"])
def test_an_embedded_server_imports_no_library_of_a_cloud_or_of_recognition(
    role: str, tmp_path: Path
) -> None:
    found = imported(role, {"THERAPY_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    assert found & (CLOUD | RECOGNITION | TERMINAL) == set()
    assert "litestar" in found


def test_an_embedded_worker_imports_no_server_either(tmp_path: Path) -> None:
    found = imported("worker", {"THERAPY_DATA_DIR": str(tmp_path / "data")}, tmp_path)
    assert found & (CLOUD | RECOGNITION | TERMINAL | SERVER) == set()
    assert "therapy.workflows.run_worker" in found
