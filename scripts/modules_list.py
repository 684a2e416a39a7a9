"""The list of all modules in CONTRIBUTING.md, each with the first line of its docstring.

scripts/docs.py puts it between the two marks of the page.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "therapy"
BEGIN, END = "<!-- the modules: made by scripts/docs.py -->\n", "<!-- end of the modules -->\n"


def page() -> str:
    """Return CONTRIBUTING.md with the list as it is now."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{modules()}\n{END}{after}"


def modules() -> str:
    """Return a heading for each folder, and a line for each module in it."""
    files = sorted(SOURCE.rglob("*.py"), key=lambda file: (file.parent.parts, file.name))
    return "\n".join(
        line for folder, inside in groupby(files, key=lambda file: file.parent)
        if folder != SOURCE for line in _folder(folder, [*inside])
    )  # fmt: skip


def _folder(folder: Path, files: list[Path]) -> Iterator[str]:
    name = folder.relative_to(SOURCE).as_posix()
    yield f"**`{name}/`** {_first_line(folder / '__init__.py')}\n"
    for file in files:
        if not file.name.startswith("__"):
            yield f"- `{file.stem}`: {_first_line(file)}"
    yield ""


def _first_line(file: Path) -> str:
    """Return the first line of a module's docstring, to the end of its sentence."""
    found = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return found.partition("\n\n")[0].replace("\n", " ")
