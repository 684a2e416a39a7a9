"""The documentation is true: the example runs, made pages are up to date, links lead somewhere."""

import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_readme_example_prints_what_it_says() -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example[1], "README.md", "exec"), {})  # noqa: S102 - our own page
    assert printed.getvalue().splitlines() == re.findall(r"print\(.*\)  # (.*)", example[1])


def test_pages_made_from_the_code_are_up_to_date() -> None:
    docs = runpy.run_path(str(ROOT / "scripts/docs.py"))
    assert docs["outdated"]() == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_exist(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
