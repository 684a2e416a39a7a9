"""Settings: one frozen struct, read once from a mapping.

`table` says what there is, by the names an operator already has, `settings` what the program gets;
`families` says which adapters follow from what is set. Every fault is named in one message, with its mend.
"""

from therapy.config.families import FAMILIES
from therapy.config.reading import SettingsError, in_production, read_settings, unknown
from therapy.config.settings import Settings
from therapy.config.table import NO_LONGER_NEEDED, SETTINGS, Setting

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
