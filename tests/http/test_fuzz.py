"""The running server, fuzzed from its own OpenAPI document; and that document itself.

Streams of events are left out: they do not end.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from tests.builders import a_wav
from tests.http.clinic import JORDAN, OLIVIA, ROOT, SOUND, form, metadata_of
from tests.http.server import Server, serving
from therapy.entrypoints.http.app import make_app

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "ignored_auth",
)
ENDLESS = ("follow_session", "follow_sessions")
BUDGET = 280
KEPT = ("PATH", "HOME", "TMPDIR", "HYPOTHESIS_STORAGE_DIRECTORY")
"""Of the environment: each request looks for a proxy among all there is, which takes a tenth of the time."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("fuzzed"), with_worker=True) as running:
        with running.connect() as connection:  # so that there is something to find
            connection.head(running.token())
            connection.chunks(form(a_wav(SOUND), metadata_of()))
            connection.end()
            assert connection.answer().status == 202
        yield running


def arguments(server: Server) -> list[str]:
    """Return what Schemathesis is told, so that it finds the same every time."""
    return [
        *("run", f"http://127.0.0.1:{server.port}/schema/openapi.json"),
        *("--header", f"Authorization: Bearer {server.token(OLIVIA)}"),
        *("--checks", ",".join(CHECKS)),
        *("--phases", "coverage,fuzzing"),
        *("--seed", "20260304", "--max-examples", "6", "--workers", "1"),
        *("--no-shrink", "--continue-on-failure", "--request-timeout", "10"),
        *(part for each in ENDLESS for part in ("--exclude-operation-id", each)),
        *("--warnings", "off", "--generation-database", "none", "--no-color"),
    ]


@pytest.mark.slow(weight=40)
@pytest.mark.timeout(BUDGET)
def test_fuzzing_from_its_own_document_finds_no_server_error(server, document, tmp_path):
    """Of the calls of each operation that are drawn at random, every second one is Jordan's."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    kept |= {"PYTHONPATH": str(ROOT), "FUZZ_AS_ANOTHER": f"Bearer {server.token(JORDAN)}"}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.http.fuzz_runs", "reached.json", *arguments(server)],
        cwd=tmp_path,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-6_000:] + ended.stderr[-2_000:]
    assert "No issues found" in ended.stdout
    reached = json.loads((tmp_path / "reached.json").read_text())
    everything = {
        f"{method} {path}"
        for method, path, operation in operations(document)
        if operation["operationId"] not in ENDLESS
    }
    for way in (("coverage", "first"), ("fuzzing", "another")):
        assert {name for phase, name, who, _ in reached if (phase, who) == way} == everything, way
    assert sum(times for *_, times in reached) > 2_000


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    with server.connect() as connection:
        connection.sock.sendall(b"GET /schema/openapi.json HTTP/1.1\r\nHost: h\r\n\r\n")
        return connection.answer().json()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_the_document_is_openapi_3_1_and_has_every_route(server, document):
    assert document["openapi"].startswith("3.1")
    documented = {(method, path) for method, path, _ in operations(document)}
    routes = {
        (method, route.path_format)
        for route in make_app(server.therapy.settings).routes
        if isinstance(route, HTTPRoute)
        and not route.path.startswith("/schema")
        and route.path != "/"
        for method in route.methods - {"OPTIONS"}
    }
    assert documented == routes
    contract = {
        *(
            ("POST", f"/auth/{name}")
            for name in ("login", "refresh", "forgot-password", "change-password")
        ),
        *(("POST", "/devices/register"), ("POST", "/devices/unregister/{user_id}")),
        *(("GET", "/profiles/me"), ("GET", "/profiles/search")),
        *(
            ("GET", "/sessions/me"),
            ("GET", "/sessions/search"),
            ("GET", "/sessions/{session_id}/details"),
        ),
        *(("POST", "/sessions/upload"), ("GET", "/data/pending")),
        *(("GET", "/data/transcript/{session_id}"), ("PUT", "/data/transcript/{session_id}")),
    }
    assert contract <= documented


def test_every_error_is_documented_as_a_problem(document):
    for method, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            assert (
                200 <= int(status) < 400
                or method == "HEAD"
                or (list(answer["content"]) == ["application/problem+json"])
            ), (method, path, status)
    problem = document["components"]["schemas"]["Problem"]
    assert {"error", "title", "status", "detail", "type"} <= set(problem["required"])


def test_the_uploads_body_is_documented_as_multipart(document):
    body = document["paths"]["/sessions/upload"]["post"]["requestBody"]
    (reference,) = body["content"]["multipart/form-data"]["schema"].values()
    schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    assert schema["required"] == ["audio_file", "metadata"]
    assert schema["properties"]["audio_file"]["format"] == "binary"
    assert "contentEncoding" not in schema["properties"]["audio_file"]


def test_what_needs_no_token_is_said_and_all_else_needs_one(server, document):
    assert document["security"] == [{"bearer": []}]
    for method, path, operation in operations(document):
        asked = path.replace("{number}", "1").replace("{", "").replace("}", "")
        with server.connect() as connection:
            connection.head(path=asked, method=method, length=0)
            status = connection.answer().status if method != "HEAD" else 401
        assert (status == 401 and path != "/auth/refresh") is (operation.get("security") != []), (
            path
        )
