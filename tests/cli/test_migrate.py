"""What `therapy migrate` says where it may not create what it should."""

import pytest

from tests.cli.test_diagnosis import WHERE, cosmos
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
