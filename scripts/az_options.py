"""Write tests/data/az-options.json: the options of the guides' `az` commands, by Azure CLI's own help.

Not part of `make`: Azure CLI takes 600 MB. Whoever adds a command to a guide runs it with the Python of an
Azure CLI (`pip install azure-cli` in a venv of its own), with the new commands as arguments:

    /tmp/az/bin/python scripts/az_options.py "az webapp show" "az group create"

What stands under `by_hand` belongs to extensions, which are no packages: it was read in their source.
"""

import contextlib
import io
import json
import re
import sys
from pathlib import Path

from azure.cli.core import get_default_cli

FILE = Path(__file__).resolve().parent.parent / "tests/data/az-options.json"
OPTIONS = re.compile(r"^ {4}(-[\w-]+(?:,? -[\w-]+)*)", re.MULTILINE)


def main(added: list[str]) -> None:
    """Ask for the options of the commands in the file and of the `added` ones, and write them."""
    known = json.loads(FILE.read_text(encoding="utf-8"))
    commands = {name: known["commands"][name] for name in known["by_hand"]}
    for name in sorted({*known["commands"], *added} - commands.keys()):
        commands[name] = options_of(name)
    known |= {"version": get_default_cli().get_cli_version(), "commands": commands}
    FILE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def options_of(name: str) -> list[str]:
    """Return all options of a command, the short and the long ones.

    Raises:
        LookupError: there is no such command.
    """
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        get_default_cli().invoke([*name.split()[1:], "--help"])
    if "Arguments" not in printed.getvalue():
        raise LookupError(name)
    return sorted(
        {option for line in OPTIONS.findall(printed.getvalue()) for option in line.split()}
    )


if __name__ == "__main__":
    main(sys.argv[1:])
