"""Error messages of the command line, one plain line each; imports what it needs only after an error."""

import os

from therapy.domain.errors import LanguageNotSupported, StorageFull, TherapyError, Unavailable

SERVER = "http,worker,local"
EXTRAS = {
    "aiohttp": "azure",
    "av": "local",
    "azure": "azure",
    "dotenv": SERVER,
    "faster_whisper": "local",
    "firebase_admin": "firebase",
    "httpx": "http",
    "hepsylex": "local",
    "jwt": "http",
    "litestar": "http",
    "platformdirs": SERVER,
    "pyrage": "local",
    "rich": SERVER,
    "rich_click": SERVER,
    "taskiq": "worker",
    "uvicorn": "http",
    "vader": "local",
}
"""The extra with a module, or all extras of the server for what every install needs; else `all`."""

LASTING_REASONS = frozenset({"database_of_a_newer_version"})
NO_DIRECTORY = "{} is no directory: THERAPY_DATA_DIR must name one, or one that can be made"
CHECK = "Run `therapy check`: it shows what is unavailable, the likely cause and the fix."


class CommandFailed(Exception):
    """Raised by a command that can't go on, with a message for the user and the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        self.code = code
        super().__init__(message)


def told(error: Exception) -> tuple[str, int] | None:
    """Return the message and the exit code for an error that ended a command; None if it is a defect."""
    from therapy.config.reading import SettingsError

    if isinstance(error, ModuleNotFoundError):
        name = (error.name or "").partition(".")[0]
        return None if name in {"", "therapy"} else (missing(name), 2)
    if isinstance(error, CommandFailed):
        return str(error), error.code
    if isinstance(error, SettingsError):
        return str(error), 2
    if isinstance(error, TherapyError):
        return explained(error), 1
    return (of_file(error), 1) if isinstance(error, OSError) else None


def is_lasting(error: Exception) -> bool:
    """Return whether only another version of this program can do without this error."""
    return isinstance(error, Unavailable) and error.details.get("reason") in LASTING_REASONS


def missing(module: str) -> str:
    """Return the message for a missing module: what to install."""
    from therapy.entrypoints.cli.faults.installation import how_to_install

    extra = EXTRAS.get(module, "all")
    return (
        f"This command needs {module}, which is not part of a bare install. "
        f"Add it with: {how_to_install(extra)}"
    )


def explained(error: TherapyError) -> str:
    """Return the message for an error: its sentence, what to do about it, and its code."""
    from therapy.domain.messages import advice, sentence
    from therapy.entrypoints.cli.faults.backup_faults import BACKUP_FAULTS
    from therapy.entrypoints.cli.faults.database_faults import database_fault
    from therapy.entrypoints.cli.faults.installation import HEBREW, how_to_install
    from therapy.entrypoints.cli.faults.migration_faults import FAULTS

    if isinstance(error.__cause__, OSError) and error.__cause__.filename:
        return of_file(error.__cause__)
    reason = str(error.details.get("reason", ""))
    if fault := (FAULTS | BACKUP_FAULTS).get(reason) or database_fault(reason):
        return f"{fault.cause}; {fault.fix} [{error}]"
    fix = CHECK if isinstance(error, Unavailable) else advice(error.code, "en")
    if isinstance(error, StorageFull):
        fix = "Make room on the disk that is written to, or in the account."
    if isinstance(error, LanguageNotSupported) and "he" in str(error.details.get("languages", "")):
        fix = f"{fix} Hebrew needs `{how_to_install(HEBREW)}`, then THERAPY_SPEECH_MODEL=auto."
    if extra := str(error.details.get("extra", "")):
        fix = f"Add it with: {how_to_install(extra)}"
    parts = [sentence(error.code, "en", **error.details), fix, f"[{error}]"]
    return " ".join(each for each in parts if each)


def of_file(error: OSError) -> str:
    """Return the message for an error about a file, with our user id if permissions are the reason."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return NO_DIRECTORY.format(error.filename)
    message = f"{error.strerror or type(error).__name__}: {error.filename or ''}".rstrip(": ")
    user = f" (as user {os.geteuid()})" if isinstance(error, PermissionError) else ""
    return "; ".join([f"{message}{user}", *getattr(error, "__notes__", ())])
