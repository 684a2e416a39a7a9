"""Where the command line reads its settings: once, from the environment and, in development, from `.env`."""

import os
from pathlib import Path

from dotenv import dotenv_values

from therapy.config import Settings, in_production, read_settings

ENV_FILE = ".env"


def settings_of_this_machine(*fields: str) -> Settings:
    """Read the settings; a variable that is set wins over the same one in `.env`.

    `fields` are the choices of families that a command uses, if not all: see `read_settings`.

    Raises:
        SettingsError: names everything that is wrong.
    """
    environment = dict(os.environ)
    if not in_production(environment):
        in_file = dotenv_values(Path.cwd() / ENV_FILE)
        environment = {name: text for name, text in in_file.items() if text} | environment
    return read_settings(environment, fields) if fields else read_settings(environment)
