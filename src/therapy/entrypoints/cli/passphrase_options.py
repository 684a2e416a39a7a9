"""Where a command gets a passphrase from, so that no list of processes has it: a prompt, stdin or a file."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from therapy.entrypoints.cli.password_options import LONGEST, first_line

F = TypeVar("F", bound=Callable[..., Any])


def passphrase_options(about: str, *, twice: bool) -> Callable[[F], F]:
    """Return a decorator that gives a command `passphrase`, "" if none was given, and the options for it.

    `about` says what the passphrase is for; a prompt asks `twice` where a typing error would be fatal.
    """

    def decorated(function: F) -> F:
        @functools.wraps(function)
        def command(
            *,
            passphrase_prompt: bool,
            passphrase_stdin: bool,
            passphrase_file: Path | None,
            **others: Any,
        ) -> Any:
            chosen = _chosen(
                passphrase_file, stdin=passphrase_stdin, prompt=passphrase_prompt, twice=twice
            )
            return function(passphrase=chosen, **others)

        options = (
            click.option("--passphrase-prompt", is_flag=True, help=f"{about} Ask for it."),
            click.option("--passphrase-stdin", is_flag=True, help="Read it from standard input."),
            click.option(
                "--passphrase-file",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="Read it from the first line of this file.",
            ),
        )
        for option in reversed(options):
            command = option(command)
        return command  # type: ignore[return-value]  # a command of click takes what its options give

    return decorated


def _chosen(file: Path | None, *, stdin: bool, prompt: bool, twice: bool) -> str:
    """Return the passphrase that was given in one of these ways; "" if in none.

    Raises:
        UsageError: it was given in several ways, or what was read is empty or too long.
    """
    if sum([stdin, file is not None, prompt]) > 1:
        raise click.UsageError("give the passphrase in one way only")
    if not (stdin or file or prompt):
        return ""
    read = first_line(file) if file else _line() if stdin else asked_for(twice=twice)
    if not read:
        raise click.UsageError("the passphrase is empty")
    if len(read) > LONGEST:
        raise click.UsageError(f"the passphrase is longer than {LONGEST} characters")
    return read


def _line() -> str:
    return sys.stdin.readline(LONGEST + 2).rstrip("\r\n")


def asked_for(*, twice: bool) -> str:
    """Return a passphrase that somebody types now.

    Raises:
        UsageError: nobody can, because standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("give the passphrase with --passphrase-stdin or --passphrase-file")
    answer: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True)
    return answer
