"""The documentation is true: the example runs, made pages are up to date, links lead somewhere."""

import contextlib
import importlib.metadata
import io
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rich_click as click

import therapy as therapy_library
from therapy import testing
from therapy.adapters.azure.cosmos.container_definitions import SHAPES, Shape
from therapy.config import NO_LONGER_NEEDED, RENAMED, SETTINGS
from therapy.entrypoints.cli.command_group import COMMANDS, therapy

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_readme_example_prints_what_it_says() -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example[1], "README.md", "exec"), {})  # noqa: S102 - our own page
    assert printed.getvalue().splitlines() == re.findall(r"print\(.*\)  # (.*)", example[1])


FIRST_SESSION = ROOT / "docs/how-to/your-first-session-as-a-library.md"


def test_the_first_session_prints_what_it_says_and_fits_one_screen() -> None:
    page = FIRST_SESSION.read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], check=True, capture_output=True, text=True
    )
    assert ran.stdout.splitlines() == re.findall(r"print\(.*\)  # (.*)", example)
    assert len(page.splitlines()) <= 60


def test_every_public_name_is_there_and_on_the_page() -> None:
    page = (ROOT / "docs/reference/library.md").read_text()
    for name in therapy_library.__all__:
        assert getattr(therapy_library, name)
        assert f"- `{name}" in page
    for name in testing.__all__:
        assert f"- `{name}" in page
    assert "`: \n" not in page  # each says what it is
    assert set(therapy_library.__all__) <= set(dir(therapy_library))
    with pytest.raises(AttributeError):
        therapy_library.no_such_name  # noqa: B018 - that it is not there


def test_the_version_is_the_installed_one() -> None:
    assert therapy_library.__version__ == importlib.metadata.version("therapy")


def test_the_version_is_looked_up_only_for_who_asks() -> None:
    # What is installed takes longer to look up than the rest to import, and each child process would pay.
    look = "import sys, therapy.domain.errors; print('importlib.metadata' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "False"


def test_pages_made_from_the_code_are_up_to_date() -> None:
    docs = runpy.run_path(str(ROOT / "scripts/docs.py"))
    assert docs["outdated"]() == []


def test_links_lead_to_files_that_exist() -> None:
    for page in PAGES:
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        assert [link for link in links if not (page.parent / link).exists()] == [], page


def test_every_decision_has_a_title_with_its_number_and_a_status() -> None:
    pages = sorted((ROOT / "docs/adr").glob("*.md"))
    assert len(pages) > 40
    for page in pages:
        title, _, status = page.read_text().splitlines()[:3]
        assert title.startswith(f"# {int(page.name[:3])}. "), page
        assert re.match(r"Status: (accepted|replaced)\b", status), page


SETTING = re.compile(
    r"\b(?:THERAPY|COSMOS|AZURE_STORAGE|AUDIO|SPEECH|TEXT_ANALYTICS|REDIS|FIREBASE|GOOGLE|JWT|CELERY"
    r"|GUNICORN|FLASK)_[A-Z_]*[A-Z]\b"
)
BLOCK = re.compile(r"^```[\w ]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OTHERS = {"THERAPY_ENV", "THERAPY_FLOW_PASSWORD"}
"""Read outside the table: where we are, and an option's environment variable."""


def test_settings_that_a_page_names_exist() -> None:
    known = {each.name for each in SETTINGS} | {*NO_LONGER_NEEDED, *RENAMED} | OTHERS
    for page in PAGES:
        assert {*SETTING.findall(page.read_text())} - known == set(), page


def test_commands_that_a_page_names_exist() -> None:
    for page in PAGES:
        assert [said for said in _commands(page.read_text()) if not _exists(said)] == [], page


def _commands(text: str) -> Iterator[str]:
    """Find `therapy …` in blocks and spans of code, up to where the command line ends."""
    blocks = BLOCK.findall(text.replace("\\\n", " "))
    spans = re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))
    for code in (*blocks, *spans):
        yield from re.findall(r"(?<![\w./:$-])(?<!from )therapy ([a-z]+[^\n;|)]*)", code)


def _exists(said: str) -> bool:
    context, (name, *rest) = click.Context(therapy), said.replace('"', " ").split()
    command = COMMANDS[name].load() if name in COMMANDS else None
    if isinstance(command, click.Group) and rest:
        command = command.get_command(context, rest[0])
    if command is None:
        return False
    known = {option for each in command.get_params(context) for option in each.opts}
    return {each for each in rest if each.startswith("--")} <= known


def test_containers_that_are_made_by_hand_are_those_that_we_make() -> None:
    page = (ROOT / "docs/how-to/azure-first-start.md").read_text()
    lines = re.findall(r'^container ([\w-]+) +(""|--ttl=-1)(.*)$', page, re.MULTILINE)
    made = [
        Shape(name, tuple(paths.replace("'", "").split()), expires=ttl != '""')
        for name, ttl, paths in lines
    ]
    assert tuple(made) == SHAPES


def test_every_failure_in_the_matrix_has_proofs_that_exist() -> None:
    page = (ROOT / "docs/why/durability.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    failures = [line for line in rows if not line.startswith("| failure ")]
    assert len(failures) > 20
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "src/therapy/testing").rglob("*.py")]
    tests = {name for each in files for name in re.findall(r"def (test_\w+)", each.read_text())}
    for line in failures:
        proofs = re.findall(r"`((?:test_|benchmarks/)[^`]+)`", line.rpartition(" | ")[2])
        assert proofs, line
        programs = {each for each in proofs if each.startswith("benchmarks/")}
        assert [each for each in programs if not (ROOT / each).exists()] == []
        assert [each for each in proofs if each not in tests | programs] == []
