"""Why the database in the data directory, or a record in any store, can't be used: by an error's reason.

For commands that open the stores, and for the table of `therapy check`.
"""

from therapy.domain.codec import DAMAGED, NOT_KNOWN
from therapy.entrypoints.cli.faults.migration_faults import Fault

DATABASE_FAULTS = {
    ("SQLITE_NOTADB", "SQLITE_CORRUPT"): Fault(
        "therapy.sqlite3 in the data directory is damaged, or is not a database",
        "stop every server and worker, and keep a copy of the directory as it is; then restore the latest"
        " backup into another directory: see docs/how-to/back-up-and-restore.md",
    ),
    ("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_READONLY"): Fault(
        "therapy.sqlite3 in the data directory can't be opened for writing",
        "it must be a file, on a file system that is not read-only, and this user must be able to write it"
        " and its directory",
    ),
    ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"): Fault(
        "another process keeps therapy.sqlite3 in the data directory locked",
        "close other programs that have it open, e.g. a tool for SQLite. The data directory must not be on a"
        " network drive",
    ),
    ("SQLITE_IOERR",): Fault(
        "the disk that holds the data directory failed to read or write",
        "look into the system's log for errors of the disk, and make a backup while it can be read",
    ),
}
"""By the beginning of SQLite's error name: SQLITE_IOERR stands for SQLITE_IOERR_WRITE, too."""

RECORD_FAULTS = {
    DAMAGED: Fault(
        "a record is damaged",
        "`therapy doctor` names what can't be read. Keep a copy of the data as it is, then restore the latest"
        " backup: see docs/how-to/back-up-and-restore.md",
    ),
    NOT_KNOWN: Fault(
        "a newer version of this program has written a record that this one can't read",
        "run this command with the newer version",
    ),
}
"""By the reason that `domain.codec` gives."""


def database_fault(reason: str) -> Fault | None:
    """Return the fault that an error's reason stands for, or None."""
    for names, fault in DATABASE_FAULTS.items():
        if reason.startswith(names):
            return fault
    return RECORD_FAULTS.get(reason)
