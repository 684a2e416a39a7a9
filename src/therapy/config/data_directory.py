"""The data directory where no setting names one: an earlier version's, or the platform's for users' data."""

import os
from importlib.util import find_spec
from pathlib import Path

FORMER = Path("therapy-data")
"""Where earlier versions kept the data: in the directory in which `therapy` was started."""


def default_data_dir() -> Path:
    """Return `therapy-data` in the current directory if it is there, else the platform's directory.

    A link that leads nowhere is there, too: the disk behind it may be missing for a moment, and another
    directory would look as if all data were lost. A user without a home has nothing but the former, and so
    has a bare install, which can store nothing anyway.
    """
    former = FORMER.absolute()
    if os.path.lexists(former) or find_spec("platformdirs") is None:
        return former
    platform = platform_data_dir()
    return platform if platform.is_absolute() else former


def platform_data_dir() -> Path:
    """Return the platform's directory for this user's data, e.g. ~/.local/share/therapy on Linux.

    Raises:
        ModuleNotFoundError: the extra `cli` is not installed.
    """
    from platformdirs import user_data_path  # noqa: PLC0415 - a bare install has no platformdirs

    return user_data_path("therapy", appauthor=False)
