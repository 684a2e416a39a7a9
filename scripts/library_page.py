"""The page of the library's public names, from their docstrings; `scripts/docs.py` writes it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import Any

import therapy
import therapy.domain
import therapy.ports
import therapy.testing
import therapy.workflows

PAGE = """\
# The library

Made from the docstrings by `.venv/bin/python scripts/docs.py`; do not edit.

[Your first session as a library](../how-to/your-first-session-as-a-library.md) shows it at work,
[write an adapter](../how-to/write-an-adapter.md) how it is extended.

## What is stable

Versions follow [Semantic Versioning](https://semver.org): what is public changes incompatibly with a new
major version only, and before 1.0 with a new minor one (0.1 to 0.2). Such a change is in the
[CHANGELOG](../../CHANGELOG.md) with what to do; where that is possible, the old name goes on for one minor
version and warns. Public are

- the names on this page: `therapy`, `therapy.domain`, `therapy.ports`, `therapy.workflows` and
  `therapy.testing`,
- `therapy.config`: `Settings`, `read_settings`, `SettingsError`, and every [setting](settings.md),
- `therapy.wiring`: `open_therapy`, which makes a running installation of settings,
- the groups of entry points, what a factory is called with and what it gives ([settings](settings.md)),
- the commands and options of `therapy`, the HTTP API (`/schema`), the error codes,
- what is stored: a newer version reads what an older one wrote.

Not public: `therapy.adapters` (chosen by settings), `therapy.repositories` (how records are stored),
`therapy.entrypoints`, names that begin with `_`. Structs get new fields, with a default; unions and enums get
new members: pass on what you do not know. A port gets a new abstract method with a new major version only;
what an adapter may do besides is a `Supports…` protocol. Promises may get new tests of what was promised
before.

## `therapy`

{names}

## Ports

What an adapter is held to. `await` stands before what is a coroutine.

{ports}

## Workflows

What people do. Each raises what its docstring says; ports and `records` are passed by keyword, from the
`Installation` that `install` returned.

{workflows}

## Domain

Structs are frozen, functions pure: no clock, no input or output.

{domain}

## Testing

{testing}
"""


def page() -> str:
    """Return the page."""
    names = {name: getattr(therapy, name) for name in therapy.__all__ if name != "__version__"}
    listed = [f"- `{name}{_call(what)}`: {_first(what)}" for name, what in names.items()]
    shown = [
        importlib.import_module(f"therapy.testing.{name}")
        for name in ("memory", "clock", "samples")
    ]
    return PAGE.format(
        names="\n".join([*listed, "- `__version__`: the installed version"]),
        ports="\n\n".join(_port(module) for module in _modules(therapy.ports)),
        workflows="\n\n".join(map(_listed, _modules(therapy.workflows))),
        domain="\n\n".join(map(_listed, _modules(therapy.domain))),
        testing="\n\n".join(
            [f"{_paragraphs(therapy.testing)}", *map(_listed, shown)],
        ),
    )


def _modules(package: ModuleType) -> list[ModuleType]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(name) for name in sorted(each.name for each in found)]


def _port(module: ModuleType) -> str:
    parts = [f"### `{module.__name__}`", _paragraphs(module), *_values(module)]
    for name, what in _public(module):
        if inspect.isabstract(what) or getattr(what, "_is_protocol", False):
            parts.append(f"```text\n{_contract(name, what)}\n```")
        else:
            parts.append(f"- `{name}{_call(what)}`: {_first(what)}")
    return "\n\n".join(parts)


def _values(module: ModuleType) -> Iterator[str]:
    """Yield the constants and names of types that a module defines, with what is said below them."""
    body = ast.parse(inspect.getsource(module)).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.Assign([ast.Name(name)], value) if not _is_private(name, value):
                said = _text_of(after)
                yield f"- `{name} = {ast.unparse(value)}`{f': {said}' if said else ''}"
            case _:
                pass


def _is_private(name: str, value: ast.expr) -> bool:
    made = isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar"
    return name.startswith("_") or made


def _text_of(node: ast.stmt | None) -> str:
    """Return the first paragraph of a string that stands by itself, on one line."""
    match node:
        case ast.Expr(ast.Constant(str(text))):
            return " ".join(text.split("\n\n")[0].split())
        case _:
            return ""


def _contract(name: str, port: type) -> str:
    lines = [f"class {name}", textwrap.indent(inspect.getdoc(port) or "", "    ")]
    for method, function in vars(port).items():
        if inspect.isfunction(function) and not method.startswith("_"):
            wait = "await " if inspect.iscoroutinefunction(function) else ""
            lines.append(f"\n    {wait}{method}{_call(function)}")
            lines.append(textwrap.indent(inspect.getdoc(function) or "", "        "))
    return "\n".join(lines)


def _listed(module: ModuleType) -> str:
    members = [f"- `{name}{_call(what)}`: {_first(what)}" for name, what in _public(module)]
    return "\n".join([f"### `{module.__name__}`\n", f"{_paragraphs(module)}\n", *members])


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield what a module defines and somebody else may use, in its order."""
    for name, what in vars(module).items():
        defined = getattr(what, "__module__", "") == module.__name__
        if (
            defined
            and not name.startswith("_")
            and (inspect.isclass(what) or inspect.isroutine(what))
        ):
            yield name, what


def _call(what: Any) -> str:
    """Return what somebody passes, without types and defaults; "" for what nobody makes."""
    if inspect.isclass(what):
        if issubclass(what, Enum) or inspect.isabstract(what) or issubclass(what, Exception):
            return ""
        if fields := getattr(what, "__struct_fields__", ()):
            return f"({', '.join(fields)})"
        if dataclasses.is_dataclass(what):
            return f"({', '.join(each.name for each in dataclasses.fields(what) if each.init)})"
        return ""
    parameters = inspect.signature(what).parameters.values()
    shown, star = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not star:
            shown.append("*")
            star = True
        star = star or each.kind is each.VAR_POSITIONAL
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        if each.name != "self":
            shown.append(f"{stars}{each.name}")
    return f"({', '.join(shown)})"


def _first(what: Any) -> str:
    """Return a docstring's first paragraph on one line; of an enum, its values too."""
    text = " ".join((inspect.getdoc(what) or "").split("\n\n")[0].split())
    if inspect.isclass(what) and issubclass(what, Enum):
        values = ", ".join(f"`{each.value}`" for each in what)
        return f"{text} {values}" if text else values
    return text


def _paragraphs(module: ModuleType) -> str:
    return inspect.getdoc(module) or ""
