"""Where a command gets a password from, so that no list of processes has it: a prompt, stdin or a file."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

from therapy.entrypoints.cli.terminal import asides

F = TypeVar("F", bound=Callable[..., Any])

LONGEST = 1_024
"""Characters that are read as a password; more is refused later, by what passwords may be."""

VISIBLE = "Others on this machine can see it: prefer the three below."
SEEN = (
    "warning: others on this machine can read what follows {name} in the list of processes; instead use"
    " {name}-stdin, {name}-file or {name}-prompt"
)


def password_options(about: str, envvar: str | None = None) -> Callable[[F], F]:
    """Return a decorator that gives a command `password`, "" if none was given, and the options for it.

    `about` says what the password is; with `envvar` it may be in that environment variable, too.
    """

    def decorated(function: F) -> F:
        @functools.wraps(function)
        def command(
            *,
            password: str,
            password_stdin: bool,
            password_file: Path | None,
            password_prompt: bool,
            **others: Any,
        ) -> Any:
            chosen = _chosen(password, password_file, stdin=password_stdin, prompt=password_prompt)
            return function(password=chosen, **others)

        options = (
            click.option(
                "--password",
                default="",
                envvar=envvar,
                show_envvar=envvar is not None,
                help=f"{about} {VISIBLE}",
            ),
            click.option("--password-stdin", is_flag=True, help="Read it from standard input."),
            click.option(
                "--password-file",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="Read it from the first line of this file.",
            ),
            click.option("--password-prompt", is_flag=True, help="Ask for it."),
        )
        for option in reversed(options):
            command = option(command)
        return command  # type: ignore[return-value]  # a command of click takes what its options give

    return decorated


def _chosen(password: str, file: Path | None, *, stdin: bool, prompt: bool) -> str:
    """Return the password that was given in one of these ways; "" if in none.

    Raises:
        UsageError: it was given in several ways, or what was read is empty.
    """
    source = get_current_context().get_parameter_source("password")
    typed = bool(password) and source is ParameterSource.COMMANDLINE
    if sum([typed, stdin, file is not None, prompt]) > 1:
        raise click.UsageError("give the password in one way only")
    if typed:
        asides().print(SEEN.format(name="--password"), soft_wrap=True)
    if not (stdin or file is not None or prompt):
        return password
    read = (
        asked_for()
        if prompt
        else first_line(file)
        if file
        else _line_of(sys.stdin.readline(LONGEST + 2))
    )
    if not read:
        raise click.UsageError("the password is empty")
    return read


def first_line(path: Path) -> str:
    """Return the password in a file: its first line, without the end of the line."""
    with path.open(encoding="utf-8") as lines:
        return _line_of(lines.readline(LONGEST + 2))


def _line_of(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def asked_for() -> str:
    """Return a password that somebody types now.

    Raises:
        UsageError: nobody can, because standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("give the password, e.g. with --password-stdin")
    answer: str = click.prompt("Password", hide_input=True, err=True)
    return answer
