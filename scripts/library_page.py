"""The page of the library's public names, made from its source; `scripts/docs.py` writes it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Collection, Iterator
from itertools import zip_longest
from types import ModuleType
from typing import Any, get_type_hints

from msgspec.structs import fields

import therapy
import therapy.config.reading
import therapy.domain
import therapy.ports
import therapy.testing
import therapy.wiring.stores
import therapy.workflows
from therapy.config import Settings
from therapy.config.settings_table import PARTS
from therapy.testing import pytest_plugin

PAGE = """\
# The library

Made from the source by `.venv/bin/python scripts/docs.py`; do not edit.

[Your first session as a library](../how-to/your-first-session-as-a-library.md) shows it at work,
[write an adapter](../how-to/write-an-adapter.md) how it is extended.

## What is stable

Versions follow [Semantic Versioning](https://semver.org): what is public changes incompatibly with a new
major version only, and before 1.0 with a new minor one (0.1 to 0.2). Such a change is in the
[CHANGELOG](../../CHANGELOG.md) with what to do; where that is possible, the old name goes on for one minor
version and warns. Nothing has been released yet: before the first release names change without that, and
only the CHANGELOG says so. Public are

- the names on this page: `therapy`, `therapy.domain`, `therapy.ports`, `therapy.workflows` and
  `therapy.testing`,
- `therapy.config`: `Settings`, `read_settings`, `SettingsError`, and every [setting](settings.md),
- `therapy.wiring`: `open_therapy`, which makes a running installation of settings, and the `Therapy` that it
  yields,
- the groups of entry points, what a factory is called with and what it gives ([settings](settings.md)),
- the commands and options of `therapy`, the HTTP API (`/schema`), the error codes,
- what is stored: a newer version reads what an older one wrote.

Not public: `therapy.adapters` (chosen by settings), `therapy.repositories` (how records are stored),
`therapy.entrypoints`, names that begin with `_`, and the values of constants. Structs get new fields, with a
default; unions and enums get new members: pass on what you do not know. A port gets a new abstract method
with a new major version only; what an adapter may do besides is a `Supports…` protocol. Promises may get new
tests of what was promised before.

## How to read it

[`therapy`](#therapy), [settings](#therapyconfig), [a running installation](#therapywiring),
[ports](#therapyports), [tests](#therapytesting), [workflows](#therapyworkflows), [domain](#therapydomain).

Below the name of each module is what it is for, then its public names as code: the whole signature and
docstring, no body. `...` also stands for a value that is too long for this page, and for a default that is
not public: leave that argument out. Imports are left out: each name is of Python's library, of `msgspec` or
on this page, but for those of `therapy.repositories`, e.g. `Records`: what `Installation` has or a workflow
returns is passed to another one as it is.

## `therapy`

These may be imported from here; where each is described, stands behind it.

{names}

## `therapy.config`

{config}

## `therapy.wiring`

{wiring}

## `therapy.ports`

{ports}

## `therapy.testing`

{testing}

## `therapy.workflows`

{workflows}

## `therapy.domain`

{domain}
"""

WORKFLOWS = """\
A workflow raises what its docstring says, and what the ports raise that it calls. `records` and ports are
passed by keyword, from the `Installation` that `install` returned."""

CONFIG = """\
`read_settings` makes `Settings` of the same names and texts as in the environment, e.g. `os.environ`. Behind
each field stands the name of its [setting](settings.md), which is where its purpose and default are."""

FIXTURES = """\
Yours to define, where a suite asks for them:

{yours}

There already, to be overridden where that can be done:

{ours}"""

PROMISES = """\
### The promises

A suite for each port: `from therapy.testing.speech import *`. It asks for these fixtures.

| suite | fixtures |
| --- | --- |
{suites}

The other modules of `therapy.testing` are what the suites are made of, and not public."""

LONGEST_VALUE = 12
"""So many lines of a constant's value are shown, else none; of a text one."""

NOT_SHOWN = {"__all__", "__post_init__", "__repr__", "__rich_repr__", "__slots__", "__str__"}
"""Special names that say nothing of how something is used."""

SHOWN = (
    *("therapy.domain", "therapy.ports", "therapy.workflows"),
    *("therapy.testing.clock", "therapy.testing.memory", "therapy.testing.samples"),
    "therapy.repositories",
)
"""The packages and modules all of whose public names are here, and the one that is known not to be."""

Body = list[ast.stmt]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def page() -> str:
    """Return the page."""
    return PAGE.format(
        names="\n".join(_exported()),
        config=f"{CONFIG}\n\n{_settings()}",
        wiring=_block(_wiring()),
        ports=_package(therapy.ports),
        testing="\n\n".join(_testing()),
        workflows=_package(therapy.workflows, WORKFLOWS),
        domain=_package(therapy.domain),
    )


def _exported() -> Iterator[str]:
    for name in therapy.__all__:
        if name == "__version__":
            yield "- `__version__`: the installed version"
        else:
            what = getattr(therapy, name)
            said = " ".join((inspect.getdoc(what) or "").split("\n\n")[0].split())
            yield f"- `{name}`: {said} ({_link(what.__module__, what.__module__)})"


def _link(module: str, text: str) -> str:
    return f"[`{text}`](#{module.replace('.', '')})"


def _package(package: ModuleType, more: str = "") -> str:
    """Return what a package is for, links to its modules, and the modules."""
    modules = _modules(package)
    links = ", ".join(
        _link(each.__name__, each.__name__.removeprefix(f"{package.__name__}.")) for each in modules
    )
    index = textwrap.fill(links, 110, break_long_words=False, break_on_hyphens=False)
    parts = [inspect.getdoc(package), more, _block(_code(package)), index, *map(_module, modules)]
    return "\n\n".join(each for each in parts if each)


def _modules(package: ModuleType) -> list[ModuleType]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(name) for name in sorted(each.name for each in found)]


def _module(module: ModuleType) -> str:
    parts = [f"### `{module.__name__}`", inspect.getdoc(module), _block(_code(module))]
    return "\n\n".join(each for each in parts if each)


def _block(code: str) -> str:
    return f"```python\n{code}\n```" if code else ""


def _code(module: ModuleType, only: Collection[str] = ()) -> str:
    """Return the public names that a module defines as code, or only these."""
    source = _without_hidden_defaults(inspect.getsource(module), only)
    return _tidy(_public(source.splitlines(), ast.parse(source).body, only))


def _without_hidden_defaults(source: str, only: Collection[str]) -> str:
    """Return the source with `...` for each default of an argument that has a name which is not shown."""
    tree, lines = ast.parse(source), source.splitlines()
    hidden = set(_hidden(tree.body, only))
    defaults = [
        default
        for node in ast.walk(tree)
        if isinstance(node, ast.arguments)
        for default in (*node.defaults, *node.kw_defaults)
        if default
        and hidden & {each.id for each in ast.walk(default) if isinstance(each, ast.Name)}
    ]
    for each in sorted(defaults, key=lambda each: (each.lineno, each.col_offset), reverse=True):
        first, last = each.lineno - 1, (each.end_lineno or each.lineno) - 1
        before = lines[first].encode()[: each.col_offset].decode()
        after = lines[last].encode()[each.end_col_offset :].decode()
        lines[first : last + 1] = [f"{before}...{after}"]
    return "\n".join(lines)


def _hidden(body: Body, only: Collection[str]) -> Iterator[str]:
    """Yield the names of a module that this page does not show: its own, and those it has from elsewhere."""
    for node in body:
        if isinstance(node, ast.ImportFrom):
            if (node.module or "").startswith("therapy.") and not node.module.startswith(SHOWN):
                yield from (each.asname or each.name for each in node.names)
        else:
            names = _names(node)
            yield from (each for each in names if not (each in only if only else _is_public(each)))


def _tidy(parts: Iterator[str]) -> str:
    lines = re.sub(r"  # (?:noqa|type:|pragma:).*", "", "\n".join(parts))
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


def _public(lines: list[str], body: Body, only: Collection[str] = ()) -> Iterator[str]:
    """Yield what a body defines, without what is done in functions."""
    for node, after in zip_longest(body, body[1:]):
        names = _names(node)
        if not any(name in only if only else _is_public(name) for name in names):
            continue
        match node:
            case ast.ClassDef():
                members = "\n".join(_public(lines, node.body))
                yield f"\n{_head(lines, node, members)}\n"
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                sets = "\n".join(_attributes(lines, node)) if node.name == "__init__" else ""
                yield f"\n{_head(lines, node, sets)}\n"
            case _:
                yield _assigned(lines, node, names)
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    yield f"{_lines_of(lines, after)}\n"


def _names(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines."""
    match node:
        case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
            return [name]
        case ast.Assign() | ast.AnnAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            inside = [each for target in targets for each in ast.walk(target)]
            return [each.id for each in inside if isinstance(each, ast.Name)]
        case _:
            return []


def _is_public(name: str) -> bool:
    special = name.startswith("__") and name.endswith("__") and name not in NOT_SHOWN
    return special or not name.startswith("_")


def _head(lines: list[str], node: Definition, inside: str) -> str:
    """Return a definition up to its body, with its docstring and what is shown of its inside."""
    first, body = _start(node), node.body[0]
    if ast.get_docstring(node) is not None:
        shown = "\n".join(lines[first - 1 : body.end_lineno])
        gap = "\n\n" if isinstance(node, ast.ClassDef) else "\n"
        return f"{shown}{gap}{inside}".rstrip("\n")
    begin = _start(body)
    head = [*lines[first - 1 : begin - 1], lines[begin - 1][: body.col_offset]]
    while not head[-1].strip() or head[-1].lstrip().startswith("#"):
        head.pop()
    head[-1] = re.sub(r":\s+#.*$", ":", head[-1].rstrip())
    return "\n".join(head) + (f"\n{inside}" if inside else " ...")


def _start(node: ast.stmt) -> int:
    """Return the line on which a statement begins, with its decorators."""
    decorators = getattr(node, "decorator_list", ())
    return min([node.lineno, *(each.lineno for each in decorators)])


def _attributes(lines: list[str], made: Definition) -> Iterator[str]:
    """Yield the lines by which `__init__` sets what others may read."""
    for node in made.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [
                each.attr
                for target in targets
                for each in ast.walk(target)
                if isinstance(each, ast.Attribute) and not each.attr.startswith("_")
            ]
            if names:
                yield _assigned(lines, node, [f"self.{name}" for name in names])


def _assigned(lines: list[str], node: ast.stmt, names: list[str]) -> str:
    """Return an assignment, without its value if that is too long."""
    value = getattr(node, "value", None)
    longest = 1 if isinstance(value, ast.Constant) else LONGEST_VALUE
    if (node.end_lineno or 0) - node.lineno < longest:
        return _lines_of(lines, node)
    kind = f": {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else ""
    return f"{' ' * node.col_offset}{', '.join(names)}{kind} = ..."


def _lines_of(lines: list[str], node: ast.stmt) -> str:
    return "\n".join(lines[node.lineno - 1 : node.end_lineno])


def _settings() -> str:
    """Return `Settings` and its parts with the type and setting of each field, and what reads them."""
    reading = _code(therapy.config.reading, {"read_settings", "SettingsError"})
    return _block("\n\n\n".join([*map(_fields, (Settings, *PARTS.values())), reading]))


def _fields(kind: type[Any]) -> str:
    source = inspect.getsource(kind)
    lines, body = source.splitlines(), ast.parse(source).body
    (node,) = (each for each in body if isinstance(each, ast.ClassDef))
    hints = get_type_hints(kind)
    shown = []
    for each in fields(kind):
        hint = inspect.formatannotation(hints[each.name]).replace("'", '"')
        text = re.sub(r"\b(?:\w+\.)+(?=\w)", "", hint)
        setting = f"  # {each.encode_name}" if each.encode_name != each.name else ""
        shown.append(f"    {each.name}: {text}{setting}")
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    return _tidy(iter([_head(lines, node, "\n".join([*shown, *_public(lines, [*methods])]))]))


def _wiring() -> str:
    check = _code(therapy.wiring.stores, {"Check"})
    return f"{check}\n\n{_code(therapy.wiring, {'Therapy', 'open_therapy'})}"


def _testing() -> Iterator[str]:
    """Yield the parts of the package: what is used in a test, the fixtures, and the suites."""
    yield inspect.getdoc(therapy.testing) or ""
    for name in ("memory", "clock", "samples"):
        yield _module(importlib.import_module(f"therapy.testing.{name}"))
    yield f"### `{pytest_plugin.__name__}`"
    yield inspect.getdoc(pytest_plugin) or ""
    yours, ours = {**pytest_plugin.PORTS, **pytest_plugin.LOOKS}, dict(_fixtures())
    yield FIXTURES.format(yours=_items(yours), ours=_items(ours))
    suites = []
    for port in pytest_plugin.PORTS:
        suite = importlib.import_module(f"therapy.testing.{port}")
        tests = [each for name, each in vars(suite).items() if name.startswith("test_")]
        asked = {name for each in tests for name in inspect.signature(each).parameters}
        shown = ", ".join(f"`{name}`" for name in {**yours, **ours} if name in asked)
        suites.append(f"| `{suite.__name__}` | {shown} |")
    yield PROMISES.format(suites="\n".join(suites))


def _fixtures() -> Iterator[tuple[str, str]]:
    """Yield the fixtures that the plugin defines, each with its docstring."""
    for node in ast.parse(inspect.getsource(pytest_plugin)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = [ast.unparse(each) for each in node.decorator_list]
            if "pytest.fixture" in marks:
                yield node.name, " ".join((ast.get_docstring(node) or "").split())


def _items(said: dict[str, str]) -> str:
    return "\n".join(f"- `{name}`: {text}" for name, text in said.items())
