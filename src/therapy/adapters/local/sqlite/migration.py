"""The database's schema: numbered SQL files, of which each is run once and in order.

The number of the last one is kept in the file's `user_version`. A new file takes all steps at once.
Before a step changes an existing file the whole file is copied beside it, as `<name>.before-<step>`;
delete the copy when all is well.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path

from therapy.domain.errors import Unavailable


def known_steps() -> tuple[str, ...]:
    """Give the SQL of every step; step n is the file whose name begins with n."""
    found = [each for each in files(__package__).joinpath("schema").iterdir() if each.is_file()]
    named = sorted(
        (each for each in found if each.name.endswith(".sql")), key=lambda each: each.name
    )
    return tuple(each.read_text(encoding="utf-8") for each in named)


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str]) -> None:
    """Bring the file to the last step, one transaction a step; processes that race take turns.

    A new file is brought there in one transaction, so that there is never anything in it to back up.

    Raises:
        Unavailable: a newer program has written the file; nothing was changed.
    """
    while True:
        if _version(connection, known=len(steps)) == len(steps):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = _version(connection, known=len(steps))
            if version < len(steps):
                reached = version + 1 if version else len(steps)
                if version:
                    back_up(path, path.with_name(f"{path.name}.before-{reached:04}"))
                for statement in chain.from_iterable(map(_statements, steps[version:reached])):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {reached}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def back_up(path: Path, target: Path) -> None:
    """Copy a database, even while it is written to; the copy is there whole or not at all."""
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    source, copy = sqlite3.connect(path), sqlite3.connect(unfinished)
    try:
        source.backup(copy)
    finally:
        source.close()
        copy.close()
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.replace(target)


def _version(connection: sqlite3.Connection, *, known: int) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > known:
        raise Unavailable(reason="database_of_a_newer_version", found=version, known=known)
    return version


def _statements(script: str) -> Iterator[str]:
    """Cut a script into its statements; `executescript` would commit before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
