"""Settings: one frozen struct, read once from a mapping.

`settings` defines them, with the names that operators already use; `value_parsers` parses their texts,
`data_directory` finds the default of one that depends on the machine,
`adapter_families` decides which adapters follow from what is set, `installed_plugins` finds adapters of other
projects. All faults are reported in one message, with their fixes.
"""

from therapy.config.adapter_families import FAMILIES, recognised_by
from therapy.config.data_directory import FORMER, platform_data_dir
from therapy.config.installed_plugins import GROUPS, Plugin, every_installed, plugins_named
from therapy.config.reading import (
    SettingsError,
    in_production,
    on_app_service,
    read_settings,
    unknown,
)
from therapy.config.settings import Settings
from therapy.config.settings_table import NO_LONGER_NEEDED, RENAMED, SETTINGS, Setting
from therapy.config.signing_secret import is_loopback, weakness_of

__all__ = [
    "FAMILIES",
    "FORMER",
    "GROUPS",
    "NO_LONGER_NEEDED",
    "RENAMED",
    "SETTINGS",
    "Plugin",
    "Setting",
    "Settings",
    "SettingsError",
    "every_installed",
    "in_production",
    "is_loopback",
    "on_app_service",
    "platform_data_dir",
    "plugins_named",
    "read_settings",
    "recognised_by",
    "unknown",
    "weakness_of",
]
