"""What `therapy migrate` says where it may not create what it should."""

from importlib.resources import files
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_diagnosis import WHERE, cosmos
from tests.local.data_directory import DATABASE, unpacked
from therapy.entrypoints.cli.faults.diagnosis import diagnose

RBAC = "Request blocked by Auth clinic : .. does not have required RBAC permissions to perform action [{}]"
MAKING = [
    (cosmos(403), "may not create"),
    (
        cosmos(
            403, "The given request [POST /dbs] cannot be authorized by AAD token in data plane."
        ),
        "may not create",
    ),
    (
        cosmos(
            403, RBAC.format("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/write")
        ),
        "may not create",
    ),
    (
        cosmos(403, RBAC.format("Microsoft.DocumentDB/databaseAccounts/readMetadata")),
        "may not read",
    ),
    (cosmos(403, "blocked by your Cosmos DB account firewall settings."), "firewall"),
    (cosmos(401, "Local Authorization is disabled."), "access keys are disabled"),
]


@pytest.mark.parametrize(("error", "cause"), MAKING)
def test_who_may_not_make_containers_is_told_who_may(error: Exception, cause: str) -> None:
    found = diagnose("azure", "stores", WHERE, error, "migrate")
    assert cause in found.cause
    if cause == "may not create":
        assert "COSMOS_KEY" in found.fix
        assert "az" in found.fix.split()
    assert "may not create" not in diagnose("azure", "stores", WHERE, cosmos(403)).cause


def test_on_one_machine_it_says_what_was_migrated_and_finishes(run: Run, tmp_path: Path) -> None:
    old = unpacked(tmp_path)
    at = {"THERAPY_DATA_DIR": str(old)}
    said = run("migrate", **at)
    assert said.returncode == 0, said.stderr
    newest = sum(
        each.name.endswith(".sql")
        for each in files("therapy.adapters.local.sqlite.schema").iterdir()
    )
    assert f"migrated from layout 1 to {newest}" in said.stdout
    assert " of session" in said.stdout
    assert " of person" in said.stdout
    assert "copies of the database from before its migration (1)" in said.stdout
    again = run("migrate", **at).stdout
    assert "migrated from layout" not in again
    assert "therapy migrate --finish" in again
    copy = old / f"{DATABASE}.before-0002"
    assert copy.exists()
    said = run("migrate", "--finish", "--yes", **at)
    assert (said.returncode, copy.exists()) == (0, False)
    assert copy.name in said.stdout
    assert (old / DATABASE).exists()
    assert "Nothing is left" in run("migrate", "--finish", "--yes", **at).stdout


def test_a_copy_is_kept_where_the_database_is_not_migrated(run: Run, tmp_path: Path) -> None:
    old = unpacked(tmp_path)
    copy = old / f"{DATABASE}.before-0002"
    copy.write_bytes((old / DATABASE).read_bytes())
    said = run("migrate", "--finish", "--yes", THERAPY_DATA_DIR=str(old))
    assert said.returncode == 1
    assert "was not migrated yet" in said.stderr
    assert copy.exists()


def test_a_new_data_directory_has_nothing_that_was_migrated(run: Run) -> None:
    said = run("migrate")
    assert said.returncode == 0, said.stderr
    assert "Everything is there." in said.stdout
    assert "layout" not in said.stdout
    assert "--finish" not in said.stdout
