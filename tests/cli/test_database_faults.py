"""What commands say about a data directory or a database that they can't use."""

import errno

import pytest

from therapy.domain.errors import Unavailable
from therapy.entrypoints.cli.faults.diagnosis import diagnose
from therapy.entrypoints.cli.faults.error_messages import explained


def test_a_directory_that_is_not_ours_is_named() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "/srv/data")
    found = diagnose("local", "stores", "/srv/data", error)
    assert found.cause == "Permission denied: /srv/data"
    assert "THERAPY_DATA_DIR" in found.fix
    inside = PermissionError(errno.EACCES, "Permission denied", "/srv/data/therapy.sqlite3")
    error = Unavailable(reason="EACCES")
    error.__cause__ = inside
    found = diagnose("local", "stores", "/srv/data", error)
    assert found.cause == "Permission denied: /srv/data/therapy.sqlite3"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("SQLITE_NOTADB", "damaged"),
        ("SQLITE_CORRUPT_INDEX", "damaged"),
        ("SQLITE_READONLY_DIRECTORY", "can't be opened"),
        ("SQLITE_BUSY", "locked"),
        ("SQLITE_IOERR_WRITE", "disk"),
    ],
)
def test_a_command_says_of_a_database_that_it_cannot_use_what_a_check_says(reason, cause) -> None:
    error = Unavailable(reason=reason)
    found = diagnose("local", "stores", "/srv/data", error)
    assert cause in found.cause
    assert explained(error) == f"{found.cause}; {found.fix} [{error}]"
