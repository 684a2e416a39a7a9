"""Why an older program's data can't be used, or copied, yet: by the reason in an error.

For commands that open the stores, and for the table of `therapy check`.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    """A cause, and what to do about it."""

    cause: str
    fix: str


MIGRATE = "stop every server and worker, then run `therapy migrate`: see docs/how-to/upgrade.md"

FAULTS = {
    "first_layout": Fault(
        "this account has an older program's data, and nothing has been copied yet", MIGRATE
    ),
    "database_not_migrated": Fault(
        "the database in the data directory is an older program's, and was not migrated yet",
        MIGRATE,
    ),
    "copy_not_complete": Fault(
        "the copy of an older program's data in this account is not complete", MIGRATE
    ),
    "live_lease": Fault(
        "a worker of the older program is working on a session: its lease has not ended",
        "stop every server and worker; if one was killed, its lease lasts until the time given below."
        " Then run `therapy migrate` again",
    ),
    "another_copy": Fault(
        "another `therapy migrate` was started and continues in place of this one",
        "let that one finish",
    ),
    "copy_not_verified": Fault(
        "the data keeps changing: the older program is still writing",
        "stop every server and worker, then run `therapy migrate` again",
    ),
    "first_layout_changed": Fault(
        "the older program has written to its containers since they were copied",
        "if what it wrote matters, and nothing that this version has written since does: delete the"
        " containers items, hints, session-entries and person-entries, and run `therapy migrate` again."
        " If not, delete the old containers yourself",
    ),
    "not_empty": Fault(
        "the new containers have something in them that is not a copy of the old ones",
        "delete the containers items, hints, session-entries and person-entries if nobody needs what is in"
        " them, or set COSMOS_DATABASE_NAME to the right database",
    ),
    "not_of_the_first_layout": Fault(
        "an old container has an item that no version of this program has written",
        "look at the item named below; delete it if nobody needs it, and run `therapy migrate` again",
    ),
    "damaged_record": Fault(
        "a record of an older program can't be read; nothing was changed",
        "look at the record named below: restore it from a backup, or delete it if nobody needs it",
    ),
    "no_room_to_migrate": Fault(
        "the disk has no room to migrate the database; nothing was changed",
        "free as many bytes as given below, and start again",
    ),
}
