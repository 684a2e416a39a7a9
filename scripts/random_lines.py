"""Print random lines of src without their path: can who knows CONTRIBUTING and `ls` say where they are?

    python scripts/random_lines.py [--seed 7] [--lines 20] [--answers]

Lines of code only: imports, docstrings, comments and lone brackets say too much or nothing. A line that
stands in several files has several right answers: all of them are printed.
"""

from __future__ import annotations

import argparse
import ast
import random
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "therapy"
SHORTEST = 25
"""Characters of the shortest line that says anything."""


def code_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a file that are code and not import, docstring or comment."""
    text = path.read_text(encoding="utf-8")
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if constant or isinstance(node, ast.Import | ast.ImportFrom):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for number, line in enumerate(text.splitlines(), 1):
        code = line.strip()
        if number not in left_out and len(code) >= SHORTEST and not code.startswith("#"):
            yield number, code


def main() -> None:
    """Print the lines; with `--answers` where each is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lines", type=int, default=20)
    parser.add_argument("--answers", action="store_true")
    asked = parser.parse_args()
    every = [
        (path.relative_to(SOURCE.parent), number, code)
        for path in sorted(SOURCE.rglob("*.py"))
        for number, code in code_lines(path)
    ]
    chosen = random.Random(asked.seed).sample(every, asked.lines)  # noqa: S311 - a lottery, no secret
    for place, (_, _, code) in enumerate(chosen, 1):
        print(f"{place:2}  {code}")
        for path, number, same in every if asked.answers else ():
            if same == code:
                print(f"    {path}:{number}")


if __name__ == "__main__":
    main()
