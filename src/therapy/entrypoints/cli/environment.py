"""Reads the command line's settings from the environment and, in development, from `.env`."""

import os
from pathlib import Path

from dotenv import dotenv_values

from therapy.config import Settings, in_production, read_settings

ENV_FILE = ".env"


def settings_of_this_machine(*fields: str, host: str | None = None) -> Settings:
    """Return the settings; a variable in the environment has precedence over `.env`, and `host` over both.

    `fields` are the adapter settings that a command uses, if not all: see `read_settings`.

    Raises:
        SettingsError: settings are wrong; names all of them.
    """
    environment = dict(os.environ)
    if not in_production(environment):
        in_file = dotenv_values(Path.cwd() / ENV_FILE)
        environment = {name: text for name, text in in_file.items() if text} | environment
    if host:
        environment["THERAPY_HOST"] = host
    return read_settings(environment, fields) if fields else read_settings(environment)
