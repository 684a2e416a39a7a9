"""The packaged demo practice: reading it, and whether an installation has it; imports no terminal."""

from importlib.resources import files
from pathlib import Path

import msgspec

from therapy.domain.errors import NotFound
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.repositories.records import Records
from therapy.workflows.seeding import Seed

DEMO = "demo-practice.json"


async def has_demo_practice(records: Records) -> bool:
    """Return whether the first account of the packaged practice is there, and is the demo's."""
    try:
        return (await records.people.by_email(read_seed(None).people[0].email)).demo
    except NotFound:
        return False


def read_seed(path: Path | None) -> Seed:
    """Return the seed in a file, or the packaged one for None.

    Raises:
        CommandFailed: the file is not a seed; says where.
    """
    source = path or files("therapy.entrypoints.cli") / DEMO
    try:
        return msgspec.json.decode(source.read_bytes(), type=Seed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise CommandFailed(f"{source} can't be used: {exc}") from None
