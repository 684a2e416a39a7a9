"""A Python client that openapi-python-client makes of the OpenAPI document, calling a running server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import astuple

from tests.clients.conftest import url_of
from tests.http.clinic import JORDAN, OLIVIA, PASSWORD, SCRIPT

HERE = Path(__file__).resolve().parent
CALLS = HERE / "python_calls.py"
CONFIG = HERE / "python_client.yaml"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the package `clinic_client` was made."""
    folder = tmp_path_factory.mktemp("python")
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate"),
            *("--path", document, "--config", CONFIG, "--meta", "none"),
            *("--output-path", folder / "clinic_client", "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


def test_a_made_client_signs_in_uploads_lists_reads_and_gets_problems(server, package):
    ran = subprocess.run(
        [sys.executable, CALLS, url_of(server), OLIVIA.email, PASSWORD],
        env={"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["user"] == OLIVIA.full_name
    assert told["uploaded"] != told["listed"][0]["id"]
    assert told["listed"] == [
        {"id": told["read"]["id"], "state": "awaiting_review", "day": "2026-03-04"}
    ]
    assert told["read"]["born"] == JORDAN.date_of_birth.isoformat()
    assert told["read"]["speakers"] == ["Therapist", "Patient", "Unknown"]
    assert told["transcript"] == {
        "version": 1,
        "lines": [each.text for each in SCRIPT],
        "words": [[list(astuple(word)) for word in each.words] for each in SCRIPT],
        "coverage": None,
    }
    assert told["nowhere"] == {"status": 404, "code": "not_found"}
    assert told["wrong password"] == {"status": 401, "code": "wrong_credentials"}


def test_a_made_client_has_a_module_for_every_operation(document, package):
    paths = json.loads(document.read_text())["paths"]
    wanted = {each["operationId"] for methods in paths.values() for each in methods.values()}
    made = {path.stem for path in (package / "clinic_client" / "api").rglob("*.py")}
    assert made - {"__init__"} == wanted
