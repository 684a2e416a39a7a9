"""Schemathesis as its command line runs it, several times in one process: each start takes 2 s of CPU.

`python -m tests.http.fuzz_runs '[["run", "http://…"], …]'` ends with 1 if a run found something.
"""

import json
import sys

from schemathesis.cli import schemathesis


def has_passed(arguments: list[str]) -> bool:
    try:
        schemathesis(arguments)
    except SystemExit as ended:
        return ended.code == 0
    return False  # it always ends with an exit code


if __name__ == "__main__":
    passed = [has_passed(each) for each in json.loads(sys.argv[1])]
    sys.exit(0 if passed and all(passed) else 1)
