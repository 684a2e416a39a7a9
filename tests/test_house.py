"""The rules of the house, checked on the files themselves (CONTRIBUTING.md says why they exist).

Import contracts are deny-lists and miss what they do not name, so what the hexagon may import is
written here as an allow-list.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
THERAPY = ROOT / "src" / "therapy"
SOURCES = sorted(THERAPY.rglob("*.py"))
OTHERS = ("examples", "scripts", "tests")
CODE = sorted([*SOURCES, *(path for part in OTHERS for path in (ROOT / part).rglob("*.py"))])
BOUNDED = sorted(
    path
    for part in ("benchmarks", "src", *OTHERS)
    for end in ("py", "cjs", "mjs")
    for path in (ROOT / part).rglob(f"*.{end}")
)
INSIDE = ("domain", "ports", "repositories", "workflows")
HEXAGON = sorted(path for part in INSIDE for path in (THERAPY / part).rglob("*.py"))

PURE = {
    *("__future__", "msgspec", "therapy.domain"),
    *(
        "bisect",
        "collections",
        "contextlib",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "functools",
    ),
    *("hashlib", "itertools", "math", "re", "statistics", "textwrap", "typing", "unicodedata"),
}
OVER_PORTS = PURE | {"abc", "asyncio", "therapy.ports"}
ALLOWED = {
    "domain": PURE,
    "ports": OVER_PORTS,
    "repositories": OVER_PORTS | {"therapy.repositories"},
    "workflows": OVER_PORTS | {"therapy.repositories", "therapy.workflows"},
}

BANNED_WORDS = {"util", "helper", "manager", "misc"}
"""They say nothing of what a thing does. Standard terms (repository, index, queue, base …) are wanted."""
METAPHORS = {
    *(
        "afterward",
        "desk",
        "enrol",
        "enrolment",
        "hearing",
        "keeper",
        "leash",
        "office",
        "shelf",
        "spool",
    ),
    *("trail",),
}
"""They hide what a thing is, wherever they stand in a name of src."""
VAGUE = {
    *("cause", "following", "given", "held", "library", "listed", "phrase", "piece", "screen"),
    *("thread", "together", "track"),
}
"""They say too little when they are all of a module's name; beside a noun (`audio_track`) they may stand."""
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+")

SHORTEST = 25
SHORT = {
    "adapters/local/insights.py": "an adapter: what the local family does for this port",
    "adapters/memory/mail.py": "an adapter",
    "entrypoints/cli/__main__.py": "what `python -m` runs",
    "ports/push.py": "a port",
    "testing/clock.py": "what promises and the outside in memory share",
    "ports/sentiment.py": "a port",
    "workflows/engines.py": "a struct that the worker, commands and outside projects share",
}
"""Files below SHORTEST lines, each with the reason why it is one of its own."""

# Written so that this file does not name what it forbids.
FOREIGN = re.compile(
    r"\bpy(?:pi|thonhosted)\.org|\bregistry\.(?:npmjs|yarnpkg)|\bdeb\.debian|\bproxy\.golang|\bstatic\.crates"
    r"|(?<![\w.~-])/(?:opt/(?:wheels|pypi)|root/|home/\w+/|work/\w)"
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def each(paths: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Make one test of a rule for files; it fails with all that break it.

    A test per file would be three thousand, which cost more than what they check.
    """

    def over_all(rule: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            broken = []
            for path in paths:
                try:
                    rule(path)
                except AssertionError as exc:
                    broken.append(f"{name_of(path)}: {exc}")
            assert paths
            assert not broken, "\n".join(broken)

        test.__name__, test.__doc__ = rule.__name__, rule.__doc__
        return test

    return over_all


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def imported_by(path: Path) -> tuple[tuple[int, str], ...]:
    """Every module a file imports, at any depth, with relative imports made absolute."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    package = ["therapy", *path.relative_to(THERAPY).parent.parts]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*start, *(node.module or "").split(".")]).strip(".")
            if module == "therapy":
                yield from ((node.lineno, f"therapy.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


@cache
def names_in(path: Path) -> tuple[str, ...]:
    """The file's own name, its folder's, and those of its classes."""
    classes = (node.name for node in statements_of(tree_of(path)) if isinstance(node, ast.ClassDef))
    return (path.stem.removeprefix("test_"), path.parent.name, *classes)


def statements_of(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all that is written in blocks, at any depth, but no expression: there is no class in one."""
    found = [tree]
    for node in found:
        yield node
        if not isinstance(node, ast.expr):
            for part in ("body", "handlers", "orelse", "finalbody", "cases"):
                found += getattr(node, part, ())


def tracked_texts() -> Iterator[tuple[str, str]]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout, so there are no tracked files to read")
    for name in listing.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                yield name, content.decode("utf-8", errors="replace")


def test_import_contracts_hold() -> None:
    # In a process of its own: its command line switches off every logger that there is.
    lint = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())"
    ran = subprocess.run([sys.executable, "-c", lint, "--no-cache"], cwd=ROOT, check=False)
    assert ran.returncode == 0


@each(HEXAGON)
def test_the_hexagon_imports_only_what_is_allowed(path: Path) -> None:
    part = path.relative_to(THERAPY).parts[0]
    allowed = ALLOWED[part]
    foreign = [
        f"line {line}: {module}"
        for line, module in imported_by(path)
        if not any(module == name or module.startswith(f"{name}.") for name in allowed)
    ]
    assert not foreign, f"{part} may import only {sorted(allowed)}"


@each(HEXAGON)
def test_the_hexagon_asks_no_clock_and_touches_nothing(path: Path) -> None:
    touched = []
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Call(
                func=ast.Name(
                    id="open" | "print" | "input" | "exec" | "eval" | "__import__" as called
                )
            ):
                touched.append(f"line {node.lineno}: {called}()")
            case ast.Attribute(
                value=ast.Name(id="datetime" | "date"), attr="now" | "utcnow" | "today" as called
            ):
                touched.append(f"line {node.lineno}: the clock ({called})")
    assert not touched, "times and ids are arguments, input and output are ports"


@each(sorted((THERAPY / "domain").rglob("*.py")))
def test_the_domain_is_synchronous(path: Path) -> None:
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, waits)]


@each(BOUNDED)
def test_no_file_is_over_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_file_of_src_is_so_short_that_it_only_has_to_be_opened() -> None:
    lines = {
        str(path.relative_to(THERAPY)): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCES
        if path.name != "__init__.py"
    }
    assert {name for name, count in lines.items() if count < SHORTEST} == set(SHORT)


@each(CODE)
@pytest.mark.slow
def test_every_module_says_what_it_is_for(path: Path) -> None:
    module = tree_of(path)
    assert ast.get_docstring(module) or not module.body, "no docstring"


@each(CODE)
def test_names_say_what_a_thing_does(path: Path) -> None:
    for name in names_in(path):
        words = {word.lower().removesuffix("s") for word in WORD.findall(name)}
        assert not words & BANNED_WORDS, f"{name}: says nothing of what it does"
        assert not re.match(r"I[A-Z][a-z]", name), f"{name}: no I- prefix"
        assert not re.search(r"[a-z]Port$", name), f"{name}: no Port suffix"


@each(SOURCES)
def test_names_are_standard_terms_and_no_metaphors(path: Path) -> None:
    assert path.stem.removesuffix("s") not in VAGUE, "says too little by itself"
    for name in names_in(path):
        words = {word.lower().removesuffix("s") for word in WORD.findall(name)}
        assert not words & METAPHORS, f"{name}: the standard term tells where it belongs"


@each(CODE)
def test_every_ignore_has_its_reason_on_the_line(path: Path) -> None:
    bare = [
        f"line {number}: {line.strip()}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(
            r"#\s*(?:noqa\b(?::[\s\w,]*)?|type:\s*ignore(?:\[[^\]]*\])?|pragma:[\s\w]*)$", line
        )
    ]
    assert not bare


def test_the_readme_fits_one_reading() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 100


@pytest.mark.slow
def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{name}: {match.group()}"
        for name, text in tracked_texts()
        for match in FOREIGN.finditer(text)
    ]
    assert not found
