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


FORKED = """
import json, os, sys
from therapy.config import read_settings
from therapy.wiring.shared_imports import import_what_is_shared

import_what_is_shared(read_settings(os.environ), with_engines=True)
print("imported", json.dumps(sorted(sys.modules)), len(os.listdir("/proc/self/task")))
"""
"""What `therapy all` imports for several workers before it forks them."""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_what_workers_import_for_their_engines_starts_no_thread_and_so_may_be_forked(
    tmp_path: Path,
) -> None:
    chosen = {"SPEECH_KEY": "k", "SPEECH_REGION": "r", "FIREBASE_PROJECT_ID": "p"}
    chosen |= {"TEXT_ANALYTICS_KEY": "k", "TEXT_ANALYTICS_ENDPOINT": "https://language.example"}
    key = tmp_path / "key.json"
    key.write_text("{}")
    chosen |= {"GOOGLE_APPLICATION_CREDENTIALS": str(key)}
    said = subprocess.run(
        [sys.executable, "-c", FORKED],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]} | chosen,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    listed, threads = said.stdout.removeprefix("imported ").rsplit(maxsplit=1)
    modules = set(json.loads(listed))
    assert modules >= {"azure.ai.textanalytics", "firebase_admin.messaging"}
    assert "av" not in modules  # recordings are decoded in processes of their own
    assert "azure.cognitiveservices.speech" not in modules
    assert threads == "1"
