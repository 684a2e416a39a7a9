"""`therapy` and its list of commands; each is in a module of its own beside this one."""

import sys
from typing import Any

import rich_click as click

from therapy.entrypoints.cli.backup import backup, restore
from therapy.entrypoints.cli.check import check
from therapy.entrypoints.cli.demo import demo
from therapy.entrypoints.cli.doctor import doctor, reindex
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.flow import flow
from therapy.entrypoints.cli.interruption import INTERRUPTED, sigterm_as_ctrl_c
from therapy.entrypoints.cli.mail import mail
from therapy.entrypoints.cli.migrate import migrate
from therapy.entrypoints.cli.practices import practice
from therapy.entrypoints.cli.seed import seed
from therapy.entrypoints.cli.serve import serve, worker
from therapy.entrypoints.cli.sessions import sessions
from therapy.entrypoints.cli.supervisor import everything
from therapy.entrypoints.cli.transcribe import transcribe
from therapy.entrypoints.cli.user_changes import disable, enable, remove, rename, reset
from therapy.entrypoints.cli.users import user

HELP = click.RichHelpConfiguration(
    text_markup="rich",
    show_arguments=True,
    max_width=100,
    command_groups={
        "therapy": [
            {"name": "See it work", "commands": ["demo", "transcribe"]},
            {"name": "Run it", "commands": ["serve", "worker", "all", "check", "flow"]},
            {
                "name": "Maintain it",
                "commands": [
                    "migrate",
                    "backup",
                    "restore",
                    "doctor",
                    "reindex",
                    "sessions",
                    "seed",
                    "practice",
                    "user",
                    "mail",
                ],
            },
        ]
    },
)


class StoppableGroup(click.RichGroup):
    """Commands that end with one line and 130 where Ctrl-C or SIGTERM interrupts them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            CommandFailed: it was interrupted, or a question was not answered.
        """
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


COMMANDS = (
    *(demo, transcribe),
    *(serve, worker, everything, check, flow),
    *(migrate, backup, restore, doctor, reindex, sessions, seed, practice, user, mail),
)
for command in (rename, reset, disable, enable, remove):
    user.add_command(command)
for command in COMMANDS:
    therapy.add_command(command)
