"""Searching every byte of every file of a directory, in whatever form words and sounds may be written there.

It runs in a process of its own: whoever opens and closes a file of SQLite's takes the locks of every
connection of the same process with it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TAIL = 6
"""Characters of a word's end that are looked for, too: an index may keep a beginning once for many words."""


def forms(text: str) -> set[bytes]:
    """How a text may be written: its encodings, JSON's escapes, folded, and the end of its words."""
    found = set[bytes]()
    words = [word for word in text.split() if len(word) > TAIL]
    for each in (text, *(word[-TAIL:] for word in words)):
        for variant in (each, each.casefold(), json.dumps(each)[1:-1]):
            encodings = ("utf-8", "utf-16-le", "utf-16-be", "utf-8-sig")
            found |= {variant.encode(encoding) for encoding in encodings}
    return found


def files_below(directory: Path) -> list[Path]:
    """Return the files below a directory, sorted; folders may be deleted meanwhile, which `rglob` refuses."""
    return sorted(Path(folder, name) for folder, _, names in os.walk(directory) for name in names)


def files_with(directory: Path, wanted: Iterable[str | bytes]) -> dict[str, list[str]]:
    """Return the files that have one of these texts or bytes in them, with the forms that were found."""
    needles: set[bytes] = set()
    for each in wanted:
        needles |= forms(each) if isinstance(each, str) else {each}
    asked = json.dumps([str(directory), sorted(needle.hex() for needle in needles)])
    command = [sys.executable, "-m", "tests.file_search"]
    done = subprocess.run(
        command, cwd=ROOT, input=asked, capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def files_left_with(
    directory: Path, wanted: Iterable[str | bytes], seconds: float
) -> dict[str, list[str]]:
    """Return what `files_with` does once it finds nothing, or after so many seconds."""
    wanted, end = tuple(wanted), time.monotonic() + seconds
    while (found := files_with(directory, wanted)) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def main() -> None:
    directory, needles = json.load(sys.stdin)
    found: dict[str, list[str]] = {}
    for path in files_below(Path(directory)):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # deleted at this moment
            continue
        if there := [each for each in needles if bytes.fromhex(each) in content]:
            found[str(path.relative_to(directory))] = [repr(bytes.fromhex(each)) for each in there]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
