"""Schemathesis as its command line runs it, which says in a file how often it called what.

`python -m tests.http.fuzz_runs FILE run http://…` ends as Schemathesis does. The file has lists of the
phase, the operation, who called and how often.
"""

import json
import sys
from pathlib import Path

from schemathesis.cli import schemathesis

from tests.http.fuzz_hooks import REACHED

if __name__ == "__main__":
    file, *arguments = sys.argv[1:]
    try:
        schemathesis(arguments)
    finally:
        Path(file).write_text(json.dumps([[*each, times] for each, times in REACHED.items()]))
