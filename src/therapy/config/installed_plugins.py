"""Plugins: adapters of other projects, found by the entry points that their packages register.

Only packages' metadata is read here; `wiring.plugin_adapters` imports what was chosen. A setting names a
plugin by its entry point or, without one, as `package.module:factory`.
"""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, distribution, entry_points, packages_distributions

from msgspec import Struct

GROUPS: Mapping[str, str] = {
    "stores": "therapy.store",
    "recordings": "therapy.recordings",
    "speech": "therapy.speech",
    "sentiment": "therapy.sentiment",
    "insights": "therapy.insights",
    "push": "therapy.push",
    "mail": "therapy.mail",
}
"""The group of entry points for each field of the settings that a plugin may serve."""

_WORD = r"[A-Za-z_]\w*"
_FACTORY = re.compile(rf"{_WORD}(?:\.{_WORD})*:{_WORD}(?:\.{_WORD})*", re.ASCII)


class Plugin(Struct, frozen=True):
    """An adapter of another project: the field that it can serve, its name, and its factory.

    `registered_by` is the distribution (with version) whose entry point it is; "" if it is named by its
    factory.
    """

    field: str
    name: str
    factory: str
    registered_by: str = ""

    @property
    def package(self) -> str:
        """The distribution that contains it, with version; "" if there is none. Slow without entry point."""
        return self.registered_by or _owner(self.factory)

    @property
    def prefix(self) -> str:
        """The prefix of its settings' names: its top package in upper case."""
        return f"{_top(self.factory).upper()}_"

    def __str__(self) -> str:
        package = self.package
        return f"{self.name} ({package})" if package else self.name


def installed(field: str) -> tuple[Plugin, ...]:
    """Return the plugins that are installed for a field, sorted by name."""
    return _of_group(field, entry_points(group=GROUPS[field]))


def every_installed() -> tuple[Plugin, ...]:
    """Return all installed plugins, in order of their fields."""
    points = entry_points()
    return tuple(
        plugin
        for field, group in GROUPS.items()
        for plugin in _of_group(field, points.select(group=group))
    )


def plugins_named(field: str, text: str) -> tuple[Plugin, ...]:
    """Return the plugins that a setting's text may mean; anything but one is a fault of the setting."""
    if _FACTORY.fullmatch(text):
        return (Plugin(field, text, text),)
    return tuple(plugin for plugin in installed(field) if plugin.name == text)


def environment_of(plugin: Plugin, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of the environment that a plugin gets: the names with its prefix."""
    return {name: text for name, text in environment.items() if name.startswith(plugin.prefix)}


def _of_group(field: str, points: Iterable[EntryPoint]) -> tuple[Plugin, ...]:
    found = [Plugin(field, each.name, _factory(each.value), _named(each)) for each in points]
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.registered_by)))


def _factory(value: str) -> str:
    """Return the dotted name in an entry point's value, without the extras that may follow it in brackets."""
    return value.partition("[")[0].replace(" ", "")


def _named(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else ""


def _owner(factory: str) -> str:
    names = sorted(set(packages_distributions().get(_top(factory), ())))
    return ", ".join(f"{name} {distribution(name).version}" for name in names)


def _top(factory: str) -> str:
    return factory.partition(":")[0].partition(".")[0]
