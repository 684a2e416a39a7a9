"""Faults of the accounts that pushes, letters and recordings need: how they are set, how much they take.

By dependency and pattern, as `known_faults` has them; it looks at these before its own. What works but
should be otherwise is by family, dependency and the code that `examine` returned.
"""

from therapy.entrypoints.cli.faults.migration_faults import Fault

ACCOUNT_FAULTS: dict[tuple[str, str], Fault] = {
    ("push", r"sender_id_mismatch"): Fault(
        "the key is of another Firebase project than the one that the app was built with",
        "set FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT (or GOOGLE_APPLICATION_CREDENTIALS) and"
        " FIREBASE_PROJECT_ID to those of the app's project and restart: devices are kept, nobody has to sign"
        " in again, and what waits is sent within the hour",
    ),
    ("push", r"third_party_auth_error"): Fault(
        "Apple does not accept the project's key for iOS devices",
        "Firebase console, Project settings, Cloud Messaging: upload a valid APNs authentication key",
    ),
    ("mail", r"reason=later"): Fault(
        "it takes no more now: it is too busy, or this is more than it takes in a minute or an hour",
        "wait: a letter is tried as long as it is of use. An Azure-managed domain takes 5 a minute and 10 an"
        " hour: use a domain of your own, or a longer THERAPY_RESET_TOKEN_SECONDS",
    ),
    ("recordings", r"hierarchicalnamespace"): Fault(
        "the storage account has a hierarchical namespace (Data Lake), which recordings do not go with",
        "create another account without it (az storage account create --hns false): it can't be turned off",
    ),
}

ACCOUNT_WARNINGS: dict[tuple[str, str, str], Fault] = {
    ("azure", "recordings", "BlobVersioning"): Fault(
        "versioning is on in the storage account: an erased recording stays as an earlier version",
        "az storage account blob-service-properties update --enable-versioning false, and delete the"
        " versions; or a lifecycle rule that deletes them after days",
    ),
    ("azure", "recordings", "BlobSoftDelete"): Fault(
        "soft delete is on in the storage account: an erased recording stays for its days",
        "az storage account blob-service-properties update --enable-delete-retention false; or keep it for a"
        " few days, and say so in the practice's privacy notice",
    ),
}
