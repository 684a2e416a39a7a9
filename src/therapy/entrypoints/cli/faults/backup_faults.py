"""Why a backup can't be made, read or restored: by the reason in an error."""

from therapy.entrypoints.cli.faults.migration_faults import Fault

GUIDE = "docs/how-to/back-up-and-restore.md"

BACKUP_FAULTS = {
    "backup_file_exists": Fault(
        "there is a file of this name already, and a backup never replaces one",
        "name another file",
    ),
    "nothing_to_back_up": Fault(
        "the data directory has no database, so there is nothing to back up",
        "set THERAPY_DATA_DIR to the directory that `therapy serve` names when it starts",
    ),
    "another_backup": Fault(
        "another backup or restore is at work in this data directory", "let that one finish"
    ),
    "data_in_azure": Fault(
        "these settings keep data in Azure, where backups are the services' own",
        f"see {GUIDE}: point-in-time restore of Cosmos DB and of Blob Storage",
    ),
    "data_in_plugin": Fault(
        "these settings keep data in an adapter of another project",
        "back up there; `therapy backup` knows the embedded stores only",
    ),
    "directory_not_empty": Fault(
        "the directory has something in it, and a backup is restored into an empty one only",
        "name an empty directory, or a new one, and set THERAPY_DATA_DIR to it once it is restored",
    ),
    "wrong_passphrase": Fault(
        "the passphrase is not the one that this backup was encrypted with, or the file's first part is"
        " damaged",
        "give the right one; without it nobody can read the backup",
    ),
    "passphrase_too_costly": Fault(
        "a machine many times faster than this one has encrypted this backup: checking the passphrase takes"
        " as long there as it may, and too long here",
        "restore it on a faster machine",
    ),
    "backup_is_encrypted": Fault(
        "this backup is encrypted, and no passphrase was given",
        "add --passphrase-prompt, --passphrase-stdin or --passphrase-file",
    ),
    "backup_is_not_encrypted": Fault(
        "a passphrase was given, but this backup is not encrypted: it may not be the file that you made",
        "leave the passphrase out if you are sure of the file",
    ),
    "not_a_backup": Fault(
        "this file is not a backup that `therapy backup` has made", "name another file"
    ),
    "backup_cut_off": Fault(
        "the end of this backup is missing: it was not copied completely",
        "copy it again, or use another backup",
    ),
    "backup_damaged": Fault(
        "this backup is not as it was written: a checksum is wrong; nothing was restored",
        "copy it again, or use another backup",
    ),
    "store_not_walkable": Fault(
        "the store of another project can't be read as a whole", "look at it with its own tools"
    ),
    "backup_of_a_newer_version": Fault(
        "a newer version of this program has made this backup",
        "restore it with that version or a newer one",
    ),
}
