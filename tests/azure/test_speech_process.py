"""What a whole process does with Azure Speech: it ends with 0 after failures, and it does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("azure.cognitiveservices.speech", reason="the extra [azure] is not installed")

from tests.emulators.faults import Fault
from tests.emulators.speech import FakeSpeech

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

FAILING = """
import asyncio, sys
from therapy.adapters.azure.speech.connection import Deadlines, SpeechAccess
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine
from therapy.domain.errors import EngineFailed
from therapy.ports.speech import SpeechOptions

async def heard(port, deadlines, seconds):
    async def silence():
        for _ in range(seconds):
            yield bytes(32_000)

    access = SpeechAccess(region="westeurope", key=sys.argv[3], host=f"ws://127.0.0.1:{port}")
    speech = AzureSpeech(access, engine=Engine.CONVERSATION, deadlines=deadlines)
    async for _ in speech.transcribe("p", silence(), SpeechOptions()):
        pass

async def main(port, patience):
    deadlines = Deadlines(talking=patience, ending=patience)
    if not patience:
        listening = asyncio.create_task(heard(port, deadlines, 600))
        await asyncio.sleep(1)
        sys.exit(0)
    try:
        await heard(port, deadlines, 20)
    except EngineFailed as failed:
        print(failed.details["reason"])

asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
"""
"""It imports only what a worker does: the fakes' libraries take longer than that."""


@pytest.fixture
def fake(fake_speech: FakeSpeech) -> FakeSpeech:
    return fake_speech


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(on="upgrade", status=401), "AuthenticationFailure"),
        (Fault(on="upgrade", status=503, times=None), "ServiceUnavailable"),
        (Fault(on="stream", kind="stall", seconds=4, times=None), "silent"),
        (Fault(on="stream", kind="silent", times=None), "silent"),
        (Fault(on="stream", kind="reset", seconds=0.1, times=None), "ConnectionFailure"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_a_process_ends_well_after_a_failure(fake: FakeSpeech, fault: Fault, reason: str) -> None:
    fake.add(fault)
    ended = run("-c", FAILING, str(fake.port), "1" if reason == "silent" else "60", fake.key)
    assert ended.returncode == 0, ended.stderr
    # The SDK may only say that it has stopped, where a busy machine let it notice the reset late.
    assert ended.stdout.strip() in {reason, "stopped" if fault.kind == "reset" else reason}


def test_a_process_that_ends_in_mid_stream_ends_well(fake: FakeSpeech) -> None:
    ended = run("-c", FAILING, str(fake.port), "0", fake.key)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_five_minutes_do_not_make_the_process_grow() -> None:
    ended = run("benchmarks/azure_speech.py", "--minutes", "5", "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    measured = json.loads(ended.stdout)
    assert measured["conversation"]["utterances"] == 60
    assert measured["fast"]["utterances"] > 0
    assert max(each["growth_mb"] for each in measured.values()) < 60
