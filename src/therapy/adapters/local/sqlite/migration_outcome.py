"""What a migration made of a database, and the copies that it left beside it: for `therapy migrate`.

Reads only, without migrating anything; `finish` and `delete_copies` delete the copies.
"""

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from therapy.adapters.local.sqlite.migration import known_steps
from therapy.domain.errors import Unavailable

SLACK = timedelta(minutes=5)
"""How far the time of a file may be behind the clock that sessions are dated by."""

log = logging.getLogger(__name__)


class Contents(NamedTuple):
    """A database's layout (the number of its last step; 0 = no database), and its records by kind."""

    layout: int
    records: Mapping[str, int]


def contents_of(path: Path) -> Contents:
    """Return what is in a database; the records are counted if it has the layout of this program.

    Raises:
        Unavailable: it can't be read.
    """
    if not path.exists():
        return Contents(0, {})
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            (layout,) = connection.execute("PRAGMA user_version").fetchone()
            if layout != len(known_steps()):
                return Contents(layout, {})
            kinds = "SELECT kind, COUNT(*) FROM items GROUP BY kind ORDER BY kind"
            return Contents(layout, dict(connection.execute(kinds).fetchall()))
    except sqlite3.Error as exc:
        raise Unavailable(reason=type(exc).__name__) from exc


def copies_of(path: Path) -> tuple[Path, ...]:
    """Return the copies of a database from before its migrations, oldest first.

    Raises:
        Unavailable: there are some, but the database itself is not migrated: they may be all there is.
    """
    copies = _copies(path)
    if copies and contents_of(path).layout < len(known_steps()):
        raise Unavailable(reason="database_not_migrated")
    return copies


def _copies(path: Path) -> tuple[Path, ...]:
    return tuple(sorted(path.parent.glob(f"{path.name}.before-[0-9][0-9][0-9][0-9]")))


def finish(path: Path) -> None:
    """Delete the copies for good. Idempotent.

    Raises:
        Unavailable: as `copies_of`; nothing was deleted.
        OSError: a copy can't be deleted.
    """
    for copy in copies_of(path):
        copy.unlink(missing_ok=True)


def delete_copies(
    path: Path, *, since: datetime | None = None, before: datetime | None = None
) -> None:
    """Delete the copies of a migrated database that were made since, or before, a moment.

    Raises:
        OSError: a copy can't be deleted.
    """
    for copy in _copies(path):
        with suppress(FileNotFoundError):  # another process has deleted it at this moment
            made = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
            if (since is None or made >= since - SLACK) and (before is None or made < before):
                copy.unlink()
                log.warning("deleted the copy from before a migration", extra={"copy": copy.name})
