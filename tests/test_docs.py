"""The documentation is true: the example runs, made pages are up to date, links lead somewhere."""

import ast
import builtins
import contextlib
import importlib.metadata
import inspect
import io
import pkgutil
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import rich_click as click

import therapy as therapy_library
from therapy import domain, ports, testing, workflows
from therapy.adapters.azure.cosmos.container_definitions import SHAPES, Shape
from therapy.config import NO_LONGER_NEEDED, RENAMED, SETTINGS
from therapy.entrypoints.cli.command_group import COMMANDS, therapy
from therapy.testing import clock, memory, pytest_plugin, samples

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


LIBRARY = (ROOT / "docs/reference/library.md").read_text()
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def test_every_public_name_is_there() -> None:
    for name in therapy_library.__all__:
        assert getattr(therapy_library, name)
        assert f"- `{name}`: " in LIBRARY
    assert set(therapy_library.__all__) <= set(dir(therapy_library))
    with pytest.raises(AttributeError):
        therapy_library.no_such_name  # noqa: B018 - that it is not there


@cache
def shown() -> dict[str, list[ast.stmt]]:
    """Return the code that the library's page shows of each module."""
    parts = re.findall(r"^##+ `([\w.]+)`\n(.*?)(?=^##|\Z)", LIBRARY, re.DOTALL | re.MULTILINE)
    return {
        module: ast.parse(
            "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
        ).body
        for module, text in parts
    }


def names_shown(module: str) -> set[str]:
    """Return the names that the code of a module on the page defines."""
    inside = [each for each in shown().get(module, []) if not isinstance(each, ast.Expr)]
    named = {each.name for each in inside if isinstance(each, DEFINITIONS)}
    others = [node for node in inside if not isinstance(node, DEFINITIONS)]
    return named | {
        each.id
        for node in others
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }


def public_names(module: ModuleType) -> set[str]:
    """Return the names that a module has, but those that it imported."""
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    imports = [each for each in nodes if isinstance(each, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name for each in imports for alias in each.names}
    return {
        name
        for name, what in vars(module).items()
        if re.match(r"[^\W_]", name) and name not in imported and not inspect.ismodule(what)
    }


def modules_in(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(each.name)


def test_every_public_name_is_on_the_page_with_what_is_said_of_it() -> None:
    packages = [each for package in (domain, ports, workflows) for each in modules_in(package)]
    wanted = {each.__name__: public_names(each) for each in (*packages, memory, clock, samples)}
    for module, text in re.findall(r"^- `(therapy\.\w+)`: (.*(?:\n  .*)*)", LIBRARY, re.MULTILINE):
        wanted[module] = set(re.findall(r"`(\w+)`", text))
    assert {"SettingsError", "open_therapy"} <= wanted["therapy.config"] | wanted["therapy.wiring"]
    missing = {module: names - names_shown(module) for module, names in wanted.items()}
    assert {module: names for module, names in missing.items() if names} == {}
    assert set(testing.__all__) <= names_shown(memory.__name__) | names_shown(clock.__name__)
    assert [
        f"{module}.{each.name}"
        for module, code in shown().items()
        for each in code
        if isinstance(each, DEFINITIONS) and not ast.get_docstring(each)
    ] == []


def imported_from_elsewhere(module: str) -> set[str]:
    """Return the names that a module has from Python, `msgspec` or `therapy.repositories`."""
    nodes = ast.walk(ast.parse(inspect.getsource(importlib.import_module(module))))
    return {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if not (getattr(node, "module", None) or alias.name).startswith("therapy")
        or (getattr(node, "module", None) or "").startswith("therapy.repositories")
    }


def test_every_default_on_the_page_is_of_python_or_on_the_page() -> None:
    on_page = {name for module in shown() for name in names_shown(module)} | set(dir(builtins))
    arguments = [
        (module, each)
        for module, code in shown().items()
        for node in code
        for each in ast.walk(node)
        if isinstance(each, ast.arguments)
    ]
    assert len(arguments) > 200
    assert [
        f"{module}: {name.id}"
        for module, each in arguments
        for default in (*each.defaults, *each.kw_defaults)
        if default
        for name in ast.walk(default)
        if isinstance(name, ast.Name)
        if name.id not in on_page | imported_from_elsewhere(module) | {"_"}
    ] == []


def test_every_fixture_and_suite_of_promises_is_on_the_page() -> None:
    fixture = type(pytest_plugin.clock)
    fixtures = [name for name, what in vars(pytest_plugin).items() if isinstance(what, fixture)]
    assert {"speech", "losing", "spoken"} <= set(fixtures)
    assert [name for name in fixtures if f"\n- `{name}`: " not in LIBRARY] == []
    suites = [f"therapy.testing.{each.name}" for each in pkgutil.iter_modules(ports.__path__)]
    assert [name for name in suites if f"| `{name}` | `" not in LIBRARY] == []


def test_every_adapter_is_in_the_table_wherever_it_is_defined() -> None:
    contracts = {
        name
        for module in modules_in(ports)
        for name, what in vars(module).items()
        if inspect.isabstract(what) and what.__module__ == module.__name__
    }
    sources = [
        path.read_text()
        for path in (ROOT / "src/therapy").rglob("*.py")
        if path.parent.name not in {"wiring", "workflows"}  # what is there passes on to an adapter
    ]
    classes = re.findall(r"^class (\w+)\((.*)\):", "\n".join(sources), re.MULTILINE)
    found = [name for name, bases in classes if contracts & {*re.findall(r"\w+", bases)}]
    table = (ROOT / "docs/reference/adapters.md").read_text()
    assert "StoredAttempts" in found
    assert [name for name in found if f"`{name}`" not in table.partition("| port")[2]] == []


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
    r"|GUNICORN|FLASK)_[A-Z_]*[A-Z]\b(?! = )"  # what a page assigns is a name in code
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
    context, (name, *rest) = click.Context(therapy), re.sub('["`]', " ", said).split()
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
