"""`therapy mail`: the mails and pushes that an installation without mail server would have sent."""

import time
from contextlib import suppress

import rich_click as click
from rich.console import Console
from rich.markup import escape

from therapy.config import Settings
from therapy.entrypoints.cli.environment import settings_with_data
from therapy.entrypoints.cli.interruption import STOPPED
from therapy.entrypoints.cli.terminal import answers, asides

POLL_SECONDS = 1.0


@click.command()
@click.option("--follow", is_flag=True, help="Keep running and show new ones, until Ctrl-C.")
def mail(*, follow: bool) -> None:
    """Show the mails and pushes in the file mailbox, oldest first.

    By default there is no mail server and no push service: letters (such as the one with the code for a new
    password) and pushes are written into the data directory.

    \b
    [bold]Example[/]
      [cyan]therapy mail --follow[/]

    [bold]You see[/] each letter with its address, subject and text, and each push with what the app would
    get: its type and the session's id, never a name.
    """
    settings, console, seen = settings_with_data(), answers(), set[str]()
    with suppress(*[KeyboardInterrupt] * follow):  # then that is how it ends
        if not show_mailbox(settings, console, seen):
            console.print("The mailbox is empty.")
        while follow:
            time.sleep(POLL_SECONDS)
            show_mailbox(settings, console, seen)
    if follow:
        asides().print(STOPPED)


def show_mailbox(settings: Settings, console: Console, seen: set[str]) -> int:
    """Print what is not in `seen` yet and add it; return how many items are in the mailbox."""
    from therapy.wiring import mailbox

    found = mailbox(settings)
    for letter in found.letters:
        if letter.id not in seen:
            console.rule(f"mail to {escape(letter.to)}", align="left")
            console.print(f"[bold]{escape(letter.subject)}[/]\n\n{escape(letter.body)}\n")
            seen.add(letter.id)
    for push in found.pushes:
        if push.message.id not in seen:
            console.rule(f"push to {push.person_id}", align="left")
            console.print(f"[bold]{escape(push.message.title)}[/]: {escape(push.message.body)}")
            fields = " ".join(f"{name}={text}" for name, text in sorted(push.data.items()))
            console.print(f"at {push.at:%d-%m-%Y %H:%M:%S}  {escape(fields)}\n", soft_wrap=True)
            seen.add(push.message.id)
    return len(found.letters) + len(found.pushes)
