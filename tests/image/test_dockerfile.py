"""What can be seen in the Dockerfile without building it; test_containers.py builds and runs it."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.emulators.processes import refusing_port
from tests.image.containers import BASE
from tests.image.dockerfile import (
    ROOT,
    health_check,
    instructions,
    last_stage,
    only,
    variables,
)
from therapy.config import read_settings


def named(name: str) -> list[str]:
    return [each.text for each in instructions() if each.name == name]


def test_both_stages_stand_on_a_base_that_can_be_chosen() -> None:
    assert instructions()[0] == ("ARG", f"BASE={BASE}")
    assert named("FROM") == ["${BASE} AS build", "${BASE}"]


def test_it_does_not_run_as_root() -> None:
    users = [each.text for each in last_stage() if each.name == "USER"]
    assert users == ["10001:10001"]  # a name would not do: orchestrators can't look it up
    after = [each.name for each in last_stage()]
    assert "RUN" not in after[after.index("USER") :]


def test_everything_that_is_copied_exists_and_reaches_the_builder() -> None:
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    copied = [
        source
        for each in instructions()
        if each.name == "COPY" and not each.text.startswith("--from")
        for source in each.words[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert [line for line in let_in if line.startswith(f"!{source}")], source


def test_nothing_reaches_the_builder_but_what_it_is_built_from() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!").partition("/")[0] for rule in rules if rule.startswith("!")}
    assert let_in == {"pyproject.toml", "README.md", "LICENSE", "requirements", "examples", "src"}


def test_only_what_is_locked_is_installed() -> None:
    installs = [
        command
        for text in named("RUN")
        for command in re.split(r"&&|;", text)
        if re.search(r"\bpip\b.*\b(?:install|wheel)\b", command)
    ]
    assert len(installs) == 4
    for command in installs:
        hashed = "--require-hashes" in command and "--only-binary :all:" in command
        ours = "--no-deps" in command and ("--no-index" in command or "pip wheel" in command)
        assert hashed or ours, command
    assert "ARG LOCKS=all" in {f"{each.name} {each.text}" for each in instructions()}
    for lock in ("all", "build", "hebrew"):
        assert "--hash=sha256:" in (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    assert "hatchling" not in (ROOT / "requirements/all.txt").read_text(encoding="utf-8")


def test_no_address_and_no_secret_is_in_it() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "://" not in text
    named_there = [
        word.partition("=")[0]
        for each in instructions()
        if each.name in {"ARG", "ENV"}
        for word in each.words
    ]
    secret = re.compile("secret|password|token|key|connection|account", re.IGNORECASE)
    assert not [name for name in named_there if secret.search(name)]


def test_what_it_sets_is_enough_for_one_machine() -> None:
    settings = read_settings(variables())
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)  # noqa: S104 - the way out
    assert only("EXPOSE") == "8000"
    assert str(settings.data_dir) == "/var/lib/therapy"
    assert settings.stores == "local"


def test_a_start_up_command_is_a_whole_one() -> None:
    assert json.loads(only("CMD")) == ["therapy", "all"]
    assert not named("ENTRYPOINT")
    assert only("STOPSIGNAL") == "SIGTERM"


class Answering(BaseHTTPRequestHandler):
    """Says 200 to who asks whether it lives, while it is well."""

    well = True

    def do_GET(self) -> None:
        self.send_response(200 if self.well and self.path == "/health/live" else 503)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def asked(port: int) -> int:
    """The exit code of the health check here; a proxy of this machine is nothing to it."""
    elsewhere = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, *health_check()[1:]],
        env=os.environ | elsewhere | {"PORT": str(port)},
        check=False,
        capture_output=True,
    ).returncode


def test_the_health_check_asks_the_server(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert health_check()[0] == "python"
    assert asked(port) == 0
    monkeypatch.setattr(Answering, "well", False)
    assert asked(port) == 1
    with refusing_port() as nobodys:
        assert asked(nobodys) == 1
