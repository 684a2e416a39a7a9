"""The data directory: created on first use, readable by its owner only, with a signing secret in it."""

import os
import secrets
from pathlib import Path

SECRET_FILE = "jwt-secret"  # noqa: S105 - a file's name


def prepare(directory: Path) -> Path:
    """Create the directory if it is missing; return its absolute path.

    Raises:
        OSError: it can't be created; a note says which setting names another one.
    """
    directory = directory.expanduser().resolve()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        exc.add_note("set THERAPY_DATA_DIR to a directory that this user can make or write")
        raise
    return directory


def signing_secret(directory: Path) -> str:
    """Return the directory's own signing secret, created once from 256 random bits.

    Two processes that start at once agree on one secret: the file appears complete or not at all.
    """
    path = directory / SECRET_FILE
    if not path.exists():
        fresh = directory / f"{SECRET_FILE}.{os.getpid()}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
