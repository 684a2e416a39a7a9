"""Settings: one frozen struct, read once from a mapping.

`settings` says what there is, by the names an operator already has, and is what the program gets; `forms` is
how a text is read, `families` which adapters follow from what is set. Every fault is named in one message,
with its mend.
"""

from therapy.config.families import FAMILIES
from therapy.config.reading import SettingsError, in_production, read_settings, unknown
from therapy.config.settings import NO_LONGER_NEEDED, SETTINGS, Setting, Settings

__all__ = [
    "FAMILIES",
    "NO_LONGER_NEEDED",
    "SETTINGS",
    "Setting",
    "Settings",
    "SettingsError",
    "in_production",
    "read_settings",
    "unknown",
]
