"""Follows a page of the documentation: runs its blocks of code in order, and compares what they print.

A block is marked by the word behind its fence:

- `sh` is run in one terminal, `sh server` in another, where it goes on.
- `text` and `json` are what the block before prints: `…` stands for anything in a line, or for lines.
- `<!-- skip: next "reason" -->` before a block says why it is not run: it differs between machines.
"""

import difflib
import re
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from unittest import SkipTest

from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from tests.walks.terminal import BlockFailed, ServerTerminal, Terminal

PRINTED_ADDRESS = "http://127.0.0.1:8000"
"""The address in the pages; here the port is a free one: all that is not run as it is printed."""


@dataclass
class Followed:
    """What became of a page's blocks."""

    ran: int = 0
    skipped: list[str] = field(default_factory=list)


@dataclass
class Reader:
    """Somebody who follows pages in a folder, each in a new terminal; the server's stays open."""

    folder: Path
    environment: Mapping[str, str]
    blocks: Path
    server: ServerTerminal
    address: str = PRINTED_ADDRESS
    printed: str = ""
    pages: list[Path] = field(default_factory=list)

    def has_followed(self, page: Path) -> bool:
        """Say whether a page was followed to its end."""
        return page in self.pages

    def follow(self, page: Path, section: str = "", *, installed: bool = False) -> Followed:
        """Run the blocks of a page, or of the section with this heading.

        `installed` is whether what the page installs is here already, this Python's environment.

        Raises:
            AssertionError: one fails, or prints something else; says where.
        """
        own = {"PATH": f"{Path(sys.executable).parent}:{self.environment['PATH']}"}
        environment = dict(self.environment) | (own if installed else {})
        blocks = self.blocks / f"{len(self.pages):02}-{page.stem}"
        blocks.mkdir()
        with closing(Terminal(self.folder, environment, blocks)) as self._terminal:
            followed = self._follow(page, section)
        self.pages.append(page)
        return followed

    def _follow(self, page: Path, section: str) -> Followed:
        parsers = [CodeBlockParser(kind, evaluator=self._run) for kind in ("sh", "sh server")]
        parsers += [CodeBlockParser(kind, evaluator=self._compare) for kind in ("text", "json")]
        document = Document.parse(str(page), *parsers, SkipParser())
        begin, end = _section(document.text, section)
        followed = Followed()
        for example in document.examples():
            if not begin <= example.start < end:
                continue
            try:
                example.evaluate()
            except SkipTest as skipped:
                followed.skipped.append(str(skipped))
            except BlockFailed as exc:
                raise BlockFailed(f"{page.name}, line {example.line} {exc}") from None
            else:
                followed.ran += example.region.evaluator == self._run
        return followed

    def _run(self, example: Example) -> None:
        block = example.parsed.replace(PRINTED_ADDRESS, self.address)
        if example.region.lexemes["arguments"] == "sh server":
            self.address = self.server.run(block)
        else:
            self.printed = self._terminal.run(block)

    def _compare(self, example: Example) -> str:
        """Return how what was printed differs from what the page says; "" if it does not."""
        if re.fullmatch(_pattern(example.parsed), self.printed.strip() + "\n"):
            return ""
        lines = (example.parsed.splitlines(), self.printed.splitlines())
        return "\n".join(difflib.unified_diff(*lines, "the page", "printed", lineterm=""))


def _pattern(wanted: str) -> str:
    """Return the pattern of what a page says is printed; a line that is "…" stands for any lines, or none."""
    lines = wanted.strip().splitlines()
    any_lines, any_text = r"(?:.*\n)*?", ".*"
    return "".join(
        any_lines if line == "…" else re.escape(line).replace("…", any_text) + r"\n"
        for line in lines
    )


def _section(text: str, heading: str) -> tuple[int, int]:
    """Return where a section begins and ends; for "" the whole page."""
    if not heading:
        return 0, len(text)
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, f"no heading {heading}"
    after = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(text, found.end())
    return found.start(), after.start() if after else len(text)
