"""Why the database in the data directory can't be used, by what SQLite answers.

For commands that open the stores, and for the table of `therapy check`.
"""

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


def database_fault(reason: str) -> Fault | None:
    """Return the fault that an error's reason stands for, or None."""
    for names, fault in DATABASE_FAULTS.items():
        if reason.startswith(names):
            return fault
    return None
