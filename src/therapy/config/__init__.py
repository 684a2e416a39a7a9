"""Settings: one frozen struct, read once from a mapping.

`settings` defines them, with the names that operators already use; `value_parsers` parses their texts,
`adapter_families` decides which adapters follow from what is set, `installed_plugins` finds adapters of other
projects. All faults are reported in one message, with their fixes.
"""

from therapy.config.adapter_families import FAMILIES
from therapy.config.installed_plugins import GROUPS, Plugin, every_installed, plugins_named
from therapy.config.reading import SettingsError, in_production, read_settings, unknown
from therapy.config.settings import Settings
from therapy.config.settings_table import NO_LONGER_NEEDED, SETTINGS, Setting

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
