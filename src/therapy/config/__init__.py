"""Settings: one frozen struct, read once from a mapping.

`settings` says what there is, by the names an operator already has, and is what the program gets; `forms` is
how a text is read, `families` which adapters follow from what is set, `plugins` which adapters of other
projects are installed. Every fault is named in one message, with its mend.
"""

from therapy.config.families import FAMILIES
from therapy.config.plugins import GROUPS, Plugin, every_installed, plugins_named
from therapy.config.reading import SettingsError, in_production, read_settings, unknown
from therapy.config.settings import NO_LONGER_NEEDED, SETTINGS, Setting, Settings

__all__ = [
    "FAMILIES",
    "GROUPS",
    "NO_LONGER_NEEDED",
    "SETTINGS",
    "Plugin",
    "Setting",
    "Settings",
    "SettingsError",
    "every_installed",
    "in_production",
    "plugins_named",
    "read_settings",
    "unknown",
]
