"""Types that openapi-typescript makes of the OpenAPI document: compiled, and called with."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import url_of
from tests.emulators.processes import ROOT
from tests.http.clinic import OLIVIA, PASSWORD

SOURCES = Path(__file__).resolve().parent / "node"
MODULES = ROOT / ".tools" / "clients" / "node_modules"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("node") is None or not (MODULES / "typescript").is_dir(),
        reason="needs Node 20 or newer, and `make .tools/clients/.installed`",
    ),
]


def node(folder: Path, *arguments: str | Path) -> str:
    ran = subprocess.run(
        ["node", *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def project(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the calls and the types that were made, the packages in reach."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(MODULES, target_is_directory=True)
    for name in ("package.json", "tsconfig.json", "calls.ts"):
        shutil.copy(SOURCES / name, folder)
    node(folder, MODULES / "openapi-typescript/bin/cli.js", document, "-o", "api.ts")
    return folder


@pytest.fixture(scope="module")
def errors(project: Path) -> list[str]:
    """What the compiler says of the calls, and of the same with a name that the document does not have."""
    calls = (project / "calls.ts").read_text()
    (project / "wrong.ts").write_text(calls.replace("data?.session_date", "data?.sessionDate"))
    compiler = MODULES / "typescript" / "bin" / "tsc"
    ran = subprocess.run(
        ["node", compiler, "-p", "."], cwd=project, capture_output=True, text=True, check=False
    )
    return [line for line in ran.stdout.splitlines() if ": error " in line]


def test_calls_with_made_types_compile_and_reach_the_server(server, project, errors):
    assert not [line for line in errors if not line.startswith("wrong.ts")]
    told = json.loads(node(project, "calls.js", url_of(server), OLIVIA.email, PASSWORD))
    assert told["listed"]
    assert told == {
        "user": OLIVIA.full_name,
        "listed": told["listed"],
        "day": "2026-03-04",
        "speakers": ["Therapist", "Patient", "Unknown"],
        "word": ["did", 180, 300, 1.0],
        "status": 404,
        "code": "not_found",
        "upload": "unsupported_audio",
    }


def test_a_call_with_a_wrong_name_does_not_compile(errors):
    (error,) = (line for line in errors if line.startswith("wrong.ts"))
    assert "sessionDate" in error
