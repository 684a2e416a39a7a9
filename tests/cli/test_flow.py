"""`therapy flow` against a real server, and against servers that are none."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from tests.cli.conftest import PASSWORD, Run, seeded_server
from tests.plugin_packages import put_package
from therapy.entrypoints.cli.flow import flow
from therapy.entrypoints.cli.mobile_client import MobileClient
from therapy.entrypoints.cli.own_server import Server

OLIVIA, JORDAN = "olivia.hayes1@example.health", "jordan.white1@example.health"
CALLS = [
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/forgot-password",
    "POST /auth/change-password",
    "POST /devices/register",
    "POST /devices/unregister/{userId}",
    "GET /profiles/me",
    "GET /profiles/search",
    "GET /sessions/me",
    "GET /sessions/search",
    "GET /sessions/{id}/details",
    "POST /sessions/upload",
    "OPTIONS /uploads",
    "POST /uploads",
    "PATCH /uploads/{id}",
    "HEAD /uploads/{id}",
    "GET /uploads",
    "PUT /uploads/{id}/metadata",
    "GET /uploads/{id}",
    "DELETE /uploads/{id}",
    "GET /data/pending",
    "GET /data/transcript/{id}",
    "PUT /data/transcript/{id}",
    "GET /sessions/{id}/transcript",
    "GET /sessions/{id}/versions",
    "GET /sessions/{id}/versions/{n}",
    "GET /sessions/{id}/versions/{n}/diff",
    "GET /sessions/{id}/draft",
    "PUT /sessions/{id}/draft",
    "DELETE /sessions/{id}/draft",
    "POST /sessions/{id}/draft/speakers",
    "POST /sessions/{id}/draft/lines",
    "POST /sessions/{id}/draft/replace",
    "POST /sessions/{id}/submit",
    "POST /sessions/{id}/amendments",
    "POST /sessions/{id}/restore",
    "POST /sessions/{id}/rerun",
    "GET /sessions/{id}/events",
    "GET /events",
    "GET /sessions/{id}/playback",
    "HEAD /sessions/{id}/playback",
    "GET /sessions/{id}/peaks",
    "POST /sessions/{id}/playback-link",
    "GET /practice/vocabulary",
    "PUT /practice/vocabulary",
]


SCRIPTED = '''
"""A recogniser that says the same of every recording: to listen takes seconds."""

from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.transcript import Utterance, Word


def spoken(start, voice, *words):
    times = [start + 300 * number for number in range(len(words) + 1)]
    heard = tuple(Word(*each, 0.9) for each in zip(words, times, times[1:]))
    return Utterance(start, times[-1], " ".join(words), words=heard, voice=voice)


def open_speech(environment):
    return MemorySpeech((
        spoken(400, "0", "How", "have", "you", "been?"),
        spoken(4_000, "1", "I", "slept", "badly", "again."),
        spoken(8_000, "0", "What", "woke", "you", "up?"),
    ))
'''


@pytest.fixture(scope="module")
def scripted_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that listens to no recording: what it answers is what the flow is about."""
    folder = tmp_path_factory.mktemp("scripted")
    points = {"therapy.speech": {"scripted": "scripted_speech:open_speech"}}
    put_package(folder / "site", points, name="scripted-speech", code=SCRIPTED)
    settings = {"THERAPY_SPEECH": "scripted", "PYTHONPATH": str(folder / "site")}
    with seeded_server(folder, **settings) as running:
        yield running


def inbox(server: Server) -> set[str]:
    with MobileClient(server.url) as app:
        app.login(OLIVIA, PASSWORD)
        return {each["id"] for each in app.got("GET", "/data/pending")}


@pytest.mark.slow
def test_every_call_of_the_contract_passes_and_nothing_is_left_behind(
    run: Run, scripted_server: Server
) -> None:
    before = inbox(scripted_server)
    signing_in = ("--base-url", scripted_server.url, "--email", OLIVIA, "--password", PASSWORD)
    said = run("flow", *signing_in, "--patient-email", JORDAN)
    assert said.returncode == 0, said.stdout + said.stderr
    for call in CALLS:
        assert call in said.stdout
    assert " 0 failed" in said.stdout
    assert "only with --submit" in said.stdout
    assert inbox(scripted_server) == before


@pytest.mark.slow
def test_with_submit_the_whole_way_passes_and_nothing_is_skipped(
    run: Run, scripted_server: Server
) -> None:
    signing_in = ("--base-url", scripted_server.url, "--email", OLIVIA, "--password", PASSWORD)
    said = run("flow", *signing_in, "--patient-email", JORDAN, "--submit")
    assert said.returncode == 0, said.stdout + said.stderr
    assert " 0 failed, 0 skipped" in said.stdout
    for call in CALLS:
        assert call in said.stdout


class Liar(BaseHTTPRequestHandler):
    """Signs everybody in, remembers who that was, and then says the same to everything."""

    sign_ins: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        if self.path == "/auth/login":
            self.sign_ins.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.say()

    def say_it(self) -> None:
        self.say()

    do_GET = do_PUT = do_DELETE = say_it  # noqa: N815 - the names that http.server looks for

    def say(self) -> None:
        body = (
            b'{"token": "t", "refreshToken": "r", "userId": "1", "userFullName": "Secret Name",'
            b' "userType": "THERAPIST", "dateOfBirth": "1990-12-31"}'
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def liar() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_server_that_answers_otherwise_fails_with_what_was_expected_and_what_came(
    run: Run, liar: str
) -> None:
    said = run("flow", "--base-url", liar, "--email", OLIVIA, "--password", "x", "--wait", "1")
    assert said.returncode == 1
    assert "checks failed" in said.stderr
    assert "expected 401, got 200" in said.stdout
    assert "$.dateOfBirth" in said.stdout
    assert "Secret Name" not in said.stdout + said.stderr


def test_no_wrong_sign_in_is_of_the_account_that_the_server_is_checked_with(
    run: Run, liar: str
) -> None:
    Liar.sign_ins.clear()
    run("flow", "--base-url", liar, "--email", OLIVIA, "--password", "x", "--wait", "1")
    wrong = [each["email"] for each in Liar.sign_ins if each.get("password", "x") != "x"]
    assert len(wrong) == 1
    assert wrong[0].endswith("@example.invalid")


def test_a_server_that_is_not_there_is_one_line(run: Run) -> None:
    there = ("--base-url", "http://127.0.0.1:9")
    said = run("flow", *there, "--email", OLIVIA, "--password-stdin", stdin="x")
    assert said.returncode == 1
    assert "http://127.0.0.1:9" in said.stderr
    assert OLIVIA in said.stderr
    assert len(said.stderr.splitlines()) == 1


def test_an_address_without_a_scheme_says_how_to_begin_it(run: Run) -> None:
    there = ("--base-url", "127.0.0.1:8000")
    said = run("flow", *there, "--email", OLIVIA, "--password-stdin", stdin="x")
    assert said.returncode == 1
    assert "begin it with http:// or https://" in said.stderr


def test_the_former_name_of_submit_is_taken_too() -> None:
    with flow.make_context(
        "flow", ["--base-url", "http://h", "--email", "e", "--finalize"]
    ) as told:
        assert told.params["submit"] is True
