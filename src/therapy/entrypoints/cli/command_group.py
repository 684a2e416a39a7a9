"""`therapy` and its list of commands; each is in a module of its own, imported when the command runs.

The list has the first sentence of each command's help beside its name, so that `therapy --help` imports none.
"""

import gc
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import rich_click as click

from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import INTERRUPTED, sigterm_as_ctrl_c


@dataclass(frozen=True)
class Listed:
    """A command in the list: its name, the first sentence of its help, and where it is defined."""

    name: str
    about: str
    module: str
    attribute: str = ""

    def load(self) -> click.Command:
        """Return the command itself; imports its module."""
        module = import_module(f"therapy.entrypoints.cli.{self.module}")
        command: click.Command = getattr(module, self.attribute or self.name)
        return command


LISTED = {
    "See it work": (
        Listed(
            "demo",
            "Demonstrate the whole job on this machine: a recording of two people in, a finished session"
            " out.",
            "demo",
        ),
        Listed(
            "transcribe",
            "Transcribe one recording: who said what, and how it felt. Needs no server and stores nothing.",
            "transcribe",
        ),
    ),
    "Run it": (
        Listed("serve", "Start the API and, in the same process, the worker.", "serve"),
        Listed(
            "worker",
            "Work on recordings without answering requests, with the same data as a server.",
            "serve",
        ),
        Listed(
            "all",
            "Run the API and a worker as processes of one container, and keep them running.",
            "everything",
            "everything",
        ),
        Listed(
            "check",
            "Check everything that this installation depends on, and say what to do about each failure.",
            "check",
        ),
        Listed(
            "flow",
            "Check the calls of the mobile contract, as the app makes them, and those beyond, on a running"
            " server.",
            "flow",
        ),
    ),
    "Maintain it": (
        Listed(
            "migrate",
            "Create what the stores need: the database's schema, or the containers in Cosmos and Blob"
            " Storage.",
            "migrate",
        ),
        Listed(
            "backup",
            "Write all data of this machine to one new file, also while servers and workers run; or verify"
            " one.",
            "backup",
        ),
        Listed(
            "restore",
            "Restore a backup into an empty directory: everything in it, or nothing.",
            "backup",
        ),
        Listed(
            "doctor",
            "Look for what does not fit together: audio, sessions, uploads, work, lists, people, versions.",
            "doctor",
        ),
        Listed(
            "reindex",
            "Write the entries of all sessions and people in lists and searches anew, from their records.",
            "doctor",
        ),
        Listed(
            "sessions",
            "Sessions as an operator sees them: their states and the work on them, no names of patients, no"
            " texts.",
            "sessions",
        ),
        Listed(
            "seed",
            "Add a practice to try things with. Running it again adds nothing twice.",
            "seed",
        ),
        Listed(
            "practice",
            "Settings of a practice: show or change them, e.g. what patients see of their closed sessions.",
            "practices",
        ),
        Listed(
            "user",
            "Accounts of therapists and patients: add, list, rename, disable, enable or remove them.",
            "user_changes",
        ),
        Listed("mail", "Show the mails and pushes in the file mailbox, oldest first.", "mail"),
    ),
}
"""The commands by the sections of `therapy --help`."""

COMMANDS = {each.name: each for section in LISTED.values() for each in section}

HELP = click.RichHelpConfiguration(
    text_markup="rich",
    show_arguments=True,
    max_width=100,
    command_groups={
        "therapy": [
            {"name": section, "commands": [each.name for each in listed]}
            for section, listed in LISTED.items()
        ]
    },
)


class StoppableGroup(click.RichGroup):
    """Commands that end with one line and 130 where Ctrl-C or SIGTERM interrupts them.

    What is listed is a name with its help; only the command that runs is loaded.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, loaded, and the arguments that are left for it.

        Raises:
            UsageError: there is no such command.
        """
        name, command, left = super().resolve_command(ctx, args)
        command = COMMANDS[name].load() if name in COMMANDS else command
        gc.enable()
        return name, command, left

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            CommandFailed: it was interrupted, or a question was not answered.
        """
        import logging  # not for the list of commands

        # our errors say what libraries would log
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            with sigterm_as_ctrl_c():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            raise CommandFailed("stopped", INTERRUPTED) from None
        except click.Abort:  # of a question
            click.echo(err=True)  # which stands on this line
            code = INTERRUPTED if sys.stdin.isatty() else 1
            raise CommandFailed("stopped, as a question was not answered", code) from None


@click.group(cls=StoppableGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.rich_config(help_config=HELP)
@click.version_option(package_name="therapy")
def therapy() -> None:
    """The back end of a therapy practice: transcribe recorded sessions, review them, close them, find them.

    [bold]Start with[/] [cyan]therapy demo[/], which needs nothing and leaves nothing behind, or with
    [cyan]therapy serve[/] and, in a second terminal, [cyan]therapy seed[/].

    Settings come from the environment and, in development, from a file [cyan].env[/].
    """


for listed in COMMANDS.values():
    therapy.add_command(click.RichCommand(name=listed.name, help=listed.about))
