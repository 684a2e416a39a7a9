"""Containers of the image, by docker or podman: started, asked, stopped, and gone whatever happens."""

import contextlib
import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.emulators.running import Missing

BASE = "python:3.13-slim-bookworm"
LOCKED = (
    *("--read-only", "--tmpfs", "/tmp"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)
STRICT = (*LOCKED, "--network", "host", "--volume", "/var/lib/therapy")
"""The root can't be written; the volume is a new one, which takes its owner from the image."""

PROCESSES = """
import json, os, pathlib
told = []
for folder in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        command = (folder / "cmdline").read_bytes().decode().split(chr(0))[:-1]
        memory = (folder / "smaps_rollup").read_text().split("Pss:")[1].split()[0]
    except (OSError, IndexError):
        memory = 0
    if int(folder.name) != os.getpid():
        told.append([int(folder.name), folder.stat().st_uid, state, command, int(memory)])
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Process:
    """A process inside a container; its memory is its own and its share of what it shares (Pss)."""

    pid: int
    user: int
    state: str
    command: list[str]
    kilobytes: int

    def is_(self, word: str) -> bool:
        return word in self.command


def find_engine() -> str:
    """The engine that runs containers here, or Missing with what to do about it."""
    chosen = os.environ.get("ENGINE", "")
    for each, works in (("docker", "info"), ("podman", "version")):
        if chosen in {"", each} and shutil.which(each) and _quietly(each, works).returncode == 0:
            return each
    raise Missing(
        "neither docker (with its daemon) nor podman runs here; buildah builds the image, but"
        " does not run it as a container"
    )


def find_base(engine: str) -> str:
    """The base image that is to be used, here or pulled; or Missing."""
    name = os.environ.get("BASE") or BASE
    for look in (("image", "inspect", name), ("pull", name)):
        if _quietly(engine, *look).returncode == 0:
            return name
    raise Missing(
        f"the base image {name} is not here and can't be pulled: make one by `scripts/image.sh base`,"
        " and name it with BASE="
    )


def _quietly(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)


class Containers:
    """Runs containers of one image; settings come from a mapping, never through the command line."""

    def __init__(self, engine: str, image: str) -> None:
        self.engine, self.image = engine, image

    def do(self, *arguments: str, settings: dict[str, str] | None = None) -> str:
        """Run a command of the engine; gives what it prints."""
        ran = subprocess.run(
            [self.engine, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | (settings or {}),
        )
        assert ran.returncode == 0, f"{arguments[:3]}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}"
        return ran.stdout

    def facts(self) -> dict[str, Any]:
        """What the engine knows of the image."""
        (told,) = json.loads(self.do("image", "inspect", self.image))
        return told

    def once(self, *command: str, options: tuple[str, ...] = STRICT, **settings: str) -> str:
        """Run a command in a container of its own."""
        given = [word for name in settings for word in ("--env", name)]
        return self.do("run", "--rm", *options, *given, self.image, *command, settings=settings)

    @contextlib.contextmanager
    def running(
        self, *command: str, options: tuple[str, ...] = (), **settings: str
    ) -> Iterator["Container"]:
        """Start a container; it is gone at the end, with its volume."""
        name = f"therapy-test-{uuid.uuid4().hex[:12]}"
        given = [word for each in settings for word in ("--env", each)]
        start = ("run", "--detach", "--name", name, *STRICT, *options, *given)
        try:
            container = Container(self, name, settings.get("PORT", ""))
            self.do(*start, self.image, *command, settings=settings)
            yield container
        finally:
            _quietly(self.engine, "rm", "--force", "--volumes", name)


class Container:
    """One that was started."""

    def __init__(self, containers: Containers, name: str, port: str) -> None:
        self._containers, self.name = containers, name
        self._began = time.monotonic()
        self.url = f"http://127.0.0.1:{port}"

    def do(self, *command: str, **settings: str) -> str:
        """Run a command inside, beside what runs there; gives what it prints."""
        given = [word for each in settings for word in ("--env", each)]
        return self._containers.do("exec", *given, self.name, *command, settings=settings)

    def is_well(self, command: list[str]) -> bool:
        """Ask what the engine would ask every 30 seconds."""
        return _quietly(self._containers.engine, "exec", self.name, *command).returncode == 0

    def processes(self) -> list[Process]:
        """What runs inside, but who asks."""
        return [Process(*each) for each in json.loads(self.do("python", "-c", PROCESSES))]

    def said(self) -> str:
        ran = _quietly(self._containers.engine, "logs", self.name)
        return ran.stdout + ran.stderr

    def wait_until_ready(self, patience: float = 60.0) -> float:
        """Wait for /health/ready; gives the seconds since the container was asked for."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/health/ready", timeout=5).status_code == 200:
                    return time.monotonic() - self._began
            time.sleep(0.05)
        raise AssertionError(f"not ready after {patience} s:\n{self.said()[-4000:]}")

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM to process 1 and wait; gives its exit code and the seconds that took."""
        began = time.monotonic()
        self._containers.do("kill", "--signal", "TERM", self.name)
        code = int(self._containers.do("wait", self.name))
        return code, time.monotonic() - began
