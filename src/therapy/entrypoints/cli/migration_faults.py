"""Why what an older program left can't be used, or copied, yet: by the reason that an error names.

For the commands that meet it when they open the stores, and for the table of `therapy check`.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    """What is the matter, and what to do."""

    cause: str
    fix: str


MIGRATE = "stop every server and worker, then run `therapy migrate`: see docs/how-to/upgrade.md"

FAULTS = {
    "first_layout": Fault(
        "this account holds what an older program left, and nothing was copied yet", MIGRATE
    ),
    "copy_not_complete": Fault(
        "what an older program left in this account was not copied to its end", MIGRATE
    ),
    "live_lease": Fault(
        "a worker of the older program is at work on a session: its lease has not ended",
        "stop every server and worker; one that was killed holds its lease until the time that is named"
        " below. Then run `therapy migrate` again",
    ),
    "another_copy": Fault(
        "`therapy migrate` was started once more, and goes on in this one's place",
        "let that one end",
    ),
    "copy_not_verified": Fault(
        "what was copied keeps changing: the older program still writes",
        "stop every server and worker, then run `therapy migrate` again",
    ),
    "first_layout_changed": Fault(
        "the older program has written to its containers since they were copied",
        "if what it wrote counts, and nothing that was written since by this version does: delete the"
        " containers items, hints, session-entries and person-entries, and run `therapy migrate` again."
        " If not, delete the old containers yourself",
    ),
    "not_empty": Fault(
        "the new containers hold something that is no copy of the old ones",
        "delete the containers items, hints, session-entries and person-entries if nobody needs what is in"
        " them, or set COSMOS_DATABASE_NAME to the database that you mean",
    ),
    "not_of_the_first_layout": Fault(
        "an old container holds an item that no version of this program has written",
        "look at the item that is named below; delete it if nobody needs it, and run `therapy migrate` again",
    ),
    "damaged_record": Fault(
        "what an older program left can't be read at one place; nothing of it was changed",
        "look at the record that is named below: put it right from a backup, or delete it if nobody needs it",
    ),
    "no_room_to_migrate": Fault(
        "the disk has no room to bring the database up to date; nothing was changed",
        "make room for as many bytes as are named below, and start again",
    ),
}
