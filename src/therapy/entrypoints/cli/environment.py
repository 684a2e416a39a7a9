"""Reads the command line's settings from the environment and, in development, from `.env`; names the data."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import rich_click as click
from dotenv import dotenv_values

from therapy.config import FORMER, Settings, in_production, platform_data_dir, read_settings
from therapy.entrypoints.cli.faults.error_messages import NO_DIRECTORY, CommandFailed

ENV_FILE = ".env"
DATA_DIR = "THERAPY_DATA_DIR"


class Environment(NamedTuple):
    """The variables that settings are read from, and the `.env` that some came from, if there is one."""

    variables: Mapping[str, str]
    file: Path | None

    @property
    def sources(self) -> str:
        """Where settings come from, for people."""
        return f"the environment and {self.file}" if self.file else "the environment"


def environment_of_this_machine() -> Environment:
    """Return the environment; a variable in it has precedence over `.env`, which production does not read."""
    environment, path = dict(os.environ), Path.cwd() / ENV_FILE
    if in_production(environment) or not path.is_file():
        return Environment(environment, None)
    in_file = {name: text for name, text in dotenv_values(path).items() if text}
    return Environment(in_file | environment, path)


def settings_of_this_machine(*fields: str, host: str | None = None) -> Settings:
    """Return the settings from the environment and `.env`; `host` has precedence over both.

    `fields` are the adapter settings that a command uses, if not all: see `read_settings`.

    Raises:
        SettingsError: settings are wrong; names all of them.
    """
    variables = dict(environment_of_this_machine().variables)
    if host:
        variables["THERAPY_HOST"] = host
    return read_settings(variables, fields) if fields else read_settings(variables)


def settings_with_data() -> Settings:
    """Return the settings, as above, and say on stderr in one line which data the command works on.

    Raises:
        CommandFailed: what should be the data directory is a file.
    """
    settings = settings_of_this_machine()
    click.echo(f"data in {data_at(settings)}", err=True)
    directory = settings.data_dir.expanduser()
    if directory.exists() and not directory.is_dir():
        raise CommandFailed(NO_DIRECTORY.format(directory))
    return settings


def data_at(settings: Settings) -> str:
    """Return where the stores are, for people; for a directory that no setting names, also why that one."""
    if settings.stores == "azure":
        host = urlsplit(settings.cosmos_uri).netloc.rpartition("@")[2]
        return f"{host}, database {settings.cosmos_database}"
    if settings.stores != "local":
        return settings.stores
    directory = settings.data_dir.expanduser().resolve()
    if not directory.exists():
        return f"{directory} (new)"
    named = environment_of_this_machine().variables.get(DATA_DIR, "").strip()
    return str(directory) if named else f"{directory}{_why(settings.data_dir)}"


def _why(directory: Path) -> str:
    """Return why it is this directory, in brackets, where somebody may expect another; else ""."""
    if directory != FORMER.absolute():
        return ""
    usual = platform_data_dir()
    other = f"; {usual} is there, too, and is not used" if usual.exists() else ""
    return f" (made here by an earlier version{other}; {DATA_DIR} names another)"
