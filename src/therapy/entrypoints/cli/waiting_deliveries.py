"""What `therapy check` shows of pushes and letters that could not be delivered: why, and the cure."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from therapy.config import Settings
from therapy.domain.errors import TherapyError, Unavailable
from therapy.entrypoints.cli.faults.diagnosis import diagnose

if TYPE_CHECKING:
    from therapy.workflows.undelivered import Undelivered

NAMES = {
    "push": "pushes",
    "mail": "letters",
    "doorbell": "rings for due work",
    "stores": "changes of lists and access",
    "recordings": "erasures",
}


async def waiting_deliveries(settings: Settings) -> "tuple[Undelivered, ...]":
    """Return what failed to be delivered and waits; nothing if the stores can't be read."""
    from therapy.wiring import open_records
    from therapy.workflows.undelivered import undelivered

    try:
        async with open_records(settings) as records:
            return () if records is None else await undelivered(records=records)
    except (TherapyError, OSError):  # the table says why
        return ()


def show_waiting(waiting: "tuple[Undelivered, ...]", console: Console) -> None:
    """Print how much of each kind waits, since when, the likely cause and the fix."""
    for each in waiting:
        name = each.dependency
        finding = diagnose("", name, "", Unavailable(each.why))
        console.print(
            f"\n[bold red]{name}[/]: {each.number} {NAMES[name]} could not be delivered and wait, the oldest"
            f" since {each.since:%d-%m-%Y %H:%M} UTC: {escape(finding.cause)}\n"
            f"  [bold]fix:[/] {escape(finding.fix)}\n"
            f"  [bright_black]{escape(each.why)}[/]",
            soft_wrap=True,
        )


def summary(waiting: "tuple[Undelivered, ...]") -> str:
    """Return a text that says how much waits; "" if nothing does."""
    return ", ".join(f"{each.number} {NAMES[each.dependency]} wait" for each in waiting)
