"""What goes wrong on the command line, in one plain line each; standard library and domain only."""

import os

from therapy.domain.errors import TherapyError, Unavailable
from therapy.domain.messages import advice, sentence
from therapy.entrypoints.cli.migration_faults import FAULTS

SERVER = "http,worker,local"
EXTRAS = {
    "av": "local",
    "dotenv": SERVER,
    "faster_whisper": "local",
    "httpx": "http",
    "jwt": "http",
    "litestar": "http",
    "rich": SERVER,
    "rich_click": SERVER,
    "taskiq": "worker",
    "uvicorn": "http",
    "vader": "local",
}
"""The extra that brings a module, or all that the server needs where nothing is there yet; else `all`."""

CHECK = "Run `therapy check`: it says what is away, the likely cause and the fix."


class CommandFailed(Exception):
    """Raised by a command that can't go on: one line for a person, and the exit code."""

    def __init__(self, words: str, code: int = 1) -> None:
        self.code = code
        super().__init__(words)


def missing(module: str) -> str:
    """Say what to install so that a module is there."""
    extra = EXTRAS.get(module, "all")
    return (
        f"This command needs {module}, which a bare install does not bring. "
        f"Add it with: pip install 'therapy[{extra}]' (in a checkout: '.[{extra}]')"
    )


def explained(error: TherapyError) -> str:
    """Give an error's sentence, what can be done about it, and its code; of a file, what it is with it."""
    if isinstance(error.__cause__, OSError) and error.__cause__.filename:
        return of_file(error.__cause__)
    if fault := FAULTS.get(str(error.details.get("reason", ""))):
        return f"{fault.cause}; {fault.fix} [{error}]"
    fix = CHECK if isinstance(error, Unavailable) else advice(error.code, "en")
    words = [sentence(error.code, "en", **error.details), fix, f"[{error}]"]
    return " ".join(each for each in words if each)


def of_file(error: OSError) -> str:
    """Say what can't be done with which file or directory, and who we are where that is the reason."""
    words = f"{error.strerror or type(error).__name__}: {error.filename or ''}".rstrip(": ")
    return f"{words} (as user {os.geteuid()})" if isinstance(error, PermissionError) else words
