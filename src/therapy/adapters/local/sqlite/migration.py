"""Schema migrations: numbered SQL files, each run once and in order.

The number of the last one is stored in the file's `user_version`. A step may also convert rows. A file takes
all steps that it lacks at once. Before they change an existing file, the whole file is copied beside it, as
`<name>.before-<first of them>`; delete the copy when all is well.

A process may be killed at any point, and another one may start meanwhile: the steps are one transaction, and
the next process waits for it or starts it again.
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from therapy.adapters.local.sqlite import migration_records, text_parts
from therapy.domain.errors import Unavailable

ROOM = 5
"""How many times the file's size must be free on the disk before a step that converts rows.

Measured for step 2: the copy, the old and new rows and the log together peak at four times the size.
"""

PATIENCE_MS = 900_000
"""How long a process waits for another one that is migrating the file."""

WORTH_IT = 4
"""Space that a conversion freed is returned to the disk if it is more than 1/WORTH_IT of the file."""

EMPTY_THE_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"

log = logging.getLogger(__name__)


class Step(NamedTuple):
    """SQL that is run once; `convert` then converts the rows, in the same transaction."""

    sql: str
    convert: Callable[[sqlite3.Connection], None] | None = None


CONVERSIONS = {2: migration_records.convert, 3: text_parts.fill, 5: text_parts.fill_pairs}
"""The function that converts the rows of an existing file, by the number of the step."""


def known_steps() -> tuple[Step, ...]:
    """Return all steps in order; step n is the SQL file whose name begins with n."""
    found = [each for each in files(__package__).joinpath("schema").iterdir() if each.is_file()]
    named = sorted(
        (each for each in found if each.name.endswith(".sql")), key=lambda each: each.name
    )
    return tuple(
        Step(each.read_text(encoding="utf-8"), CONVERSIONS.get(number))
        for number, each in enumerate(named, 1)
    )


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Step]) -> None:
    """Migrate the file to the last step, in one transaction; processes that race take turns.

    A process that dies in between leaves the file as it was before.

    Raises:
        Unavailable: a newer program has written the file, or the disk has no room for a conversion.
            Nothing was changed.
    """
    patience = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    while _version(connection, known=len(steps)) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            _take_steps(connection, path, steps)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    connection.execute(f"PRAGMA busy_timeout = {patience}")
    _shrink(connection, path)


def _take_steps(connection: sqlite3.Connection, path: Path, steps: Sequence[Step]) -> None:
    """Take the steps that are left; none if another process has taken them meanwhile."""
    version = _version(connection, known=len(steps))
    left = steps[version:]
    if not left:
        return
    if version:
        if any(step.convert for step in left):
            _require_room(path)
        log.info("migrating the database", extra={"steps": f"{version + 1}-{len(steps)}"})
        back_up(path, path.with_name(f"{path.name}.before-{version + 1:04}"))
    for step in left:
        _run(connection, step)
    connection.execute(f"PRAGMA user_version = {len(steps)}")


def _shrink(connection: sqlite3.Connection, path: Path) -> None:
    """Return to the disk what a conversion freed, now or in an earlier process that was killed."""
    if not any(path.parent.glob(f"{path.name}.before-*")):
        return
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free * WORTH_IT <= pages:
        return
    try:
        for each in (EMPTY_THE_LOG, "VACUUM", EMPTY_THE_LOG):
            connection.execute(each)
    except (
        sqlite3.OperationalError
    ) as exc:  # no room, or somebody writes: it only stays large until then
        log.warning("the database could not be compacted", extra={"error": exc.sqlite_errorname})


def _run(connection: sqlite3.Connection, step: Step) -> None:
    for statement in _statements(step.sql):
        connection.execute(statement)
    if step.convert:
        step.convert(connection)


def _require_room(path: Path) -> None:
    needed = ROOM * sum(
        each.stat().st_size for each in (path, path.with_name(f"{path.name}-wal")) if each.exists()
    )
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise Unavailable(reason="no_room_to_migrate", needed_bytes=needed, free_bytes=free)


def back_up(path: Path, target: Path) -> None:
    """Copy a database, even while it is written to; the copy appears complete or not at all."""
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    for left in target.parent.glob(f"{target.name}.*.part*"):  # by processes that were killed
        left.unlink(missing_ok=True)
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
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # so that the copy has its name before anything is changed
    finally:
        os.close(directory)


def _version(connection: sqlite3.Connection, *, known: int) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > known:
        raise Unavailable(reason="database_of_a_newer_version", found=version, known=known)
    return version


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one: `executescript` would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
