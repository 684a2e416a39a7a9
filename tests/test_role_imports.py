"""What a process has imported once it serves: nothing that only other processes, or other families, use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.azure.installing import *  # noqa: F403 - fixtures are found by name
from tests.emulators.fixtures import *  # noqa: F403 - as above

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

ENGINES = {"azure.ai.textanalytics", "firebase_admin", "google"}
"""What workers over Azure import when they open their engines; an API process only if it sends a push."""

LATER = {"azure.cognitiveservices", "taskiq.cli"}
"""The Speech SDK, which a worker imports for its first recording; Taskiq's process manager, never used."""

LOCAL = {"sqlite3", "therapy.adapters.local.sqlite", "therapy.adapters.local.recordings"}
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


def test_an_api_process_over_azure_imports_no_engine_and_no_pushes_which_a_worker_does(
    migrated: dict[str, str], tmp_path: Path
) -> None:
    adapters = {
        f"therapy.adapters.{each}" for each in ("azure.speech", "azure.language", "firebase")
    }
    found = imported("api", migrated, tmp_path)
    assert found & (ENGINES | LATER | adapters | RECOGNITION | TERMINAL | LOCAL) == set()
    assert found >= {"azure.cosmos", "azure.storage.blob", "taskiq", "redis", "litestar"}
    worker = imported("worker", migrated, tmp_path)
    assert worker >= ENGINES | adapters
    assert worker & (LATER | RECOGNITION | SERVER | LOCAL) == set()


FORKED = """
import json, os, socket, sys
from therapy.config import read_settings
from therapy.entrypoints.cli.forked_servers import forked_parts

forked_parts(read_settings(os.environ), socket.socket())
print("imported", json.dumps(sorted(sys.modules)), len(os.listdir("/proc/self/task")))
"""
"""What `therapy all` imports before it forks its workers and API processes, which all of them have then."""


def imported_before_forks(workers: int, folder: Path) -> tuple[set[str], int]:
    """Every module that `therapy all` over Azure has imported before it forks, and its threads."""
    chosen = {"SPEECH_KEY": "k", "SPEECH_REGION": "r", "FIREBASE_PROJECT_ID": "p"}
    chosen |= {"TEXT_ANALYTICS_KEY": "k", "TEXT_ANALYTICS_ENDPOINT": "https://language.example"}
    key = folder / "key.json"
    key.write_text("{}")
    chosen |= {
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        "THERAPY_DATA_DIR": str(folder / "data"),
        "THERAPY_WORKER_PROCESSES": str(workers),
    }
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
    return set(json.loads(listed)), int(threads)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_what_workers_import_for_their_engines_starts_no_thread_and_so_may_be_forked(
    tmp_path: Path,
) -> None:
    modules, threads = imported_before_forks(2, tmp_path)
    assert modules >= {"azure.ai.textanalytics", "firebase_admin.messaging"}
    assert "av" not in modules  # recordings are decoded in processes of their own
    assert "azure.cognitiveservices.speech" not in modules
    assert threads == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_beside_one_worker_api_processes_are_forked_without_its_engines(tmp_path: Path) -> None:
    modules, threads = imported_before_forks(1, tmp_path)
    assert modules & (ENGINES | LATER | RECOGNITION) == set()
    assert "litestar" in modules
    assert threads == 1
