"""Opens plugins: imports the adapter that a setting names, calls its factory, checks it against its port.

A factory is called with the part of the environment that has its prefix, and returns the adapter or an async
context manager that yields it, which is exited when the installation ends. It raises SettingsError if one of
its own settings is missing or wrong; that message is shown unchanged. Of any other error only the class is.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module
from operator import attrgetter
from typing import TypeVar

from therapy.config import FAMILIES, GROUPS, Plugin, Settings, SettingsError, plugins_named
from therapy.domain.errors import TherapyError
from therapy.ports.people_index import PeopleIndex
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import Store

T = TypeVar("T")
Factory = Callable[[Mapping[str, str]], object]

SETTING_OF = {each.field: each.setting for each in FAMILIES}
_FAMILIES = {each.field: {"local", each.chosen} for each in FAMILIES}


def plugin_of(settings: Settings, field: str) -> Plugin | None:
    """Return the plugin that serves a field; None if one of our families does."""
    named: str = getattr(settings, field)
    if field not in GROUPS or named in _FAMILIES[field]:
        return None
    found = plugins_named(field, named)
    return found[0] if found else Plugin(field, named, named, "")


async def open_plugin(
    settings: Settings, field: str, port: type[T], stack: AsyncExitStack
) -> T | None:
    """Return the opened plugin that serves a field, None if there is none; the stack closes it.

    Raises:
        SettingsError: it can't be used; names it, its package and why.
        TherapyError: its factory raised it, e.g. Unavailable.
    """
    plugin = plugin_of(settings, field)
    if plugin is None:
        return None
    opened = await _opened(plugin, settings.plugin_environment.get(field, {}), stack)
    if isinstance(opened, port):
        return opened
    wanted = f"no {port.__module__}.{port.__qualname__}"
    raise _fault(plugin, f"its factory gave {_kind(opened)}, {wanted}")


async def open_store_plugin(
    settings: Settings, stack: AsyncExitStack
) -> tuple[Store, SessionIndex, PeopleIndex] | None:
    """Return the store and the two indexes of the plugin that serves the stores; None if there is none.

    Raises:
        SettingsError: it can't be used; names it, its package and why.
    """
    plugin = plugin_of(settings, "stores")
    if plugin is None:
        return None
    opened = await _opened(plugin, settings.plugin_environment.get("stores", {}), stack)
    match opened:
        case (Store() as store, SessionIndex() as sessions, PeopleIndex() as people):
            return store, sessions, people
    wanted = "no tuple of a Store, a SessionIndex and a PeopleIndex"
    raise _fault(plugin, f"its factory gave {_kind(opened)}, {wanted}")


async def _opened(plugin: Plugin, environment: Mapping[str, str], stack: AsyncExitStack) -> object:
    factory = _loaded(plugin)
    try:
        made = factory(environment)
        if isinstance(made, AbstractAsyncContextManager):
            return await stack.enter_async_context(made)
    except TherapyError:
        raise
    except SettingsError as exc:
        raise _fault(plugin, str(exc)) from exc
    except Exception as exc:
        raise _fault(plugin, f"its factory raised {type(exc).__name__}") from exc
    return made


def _loaded(plugin: Plugin) -> Factory:
    module, _, attribute = plugin.factory.partition(":")
    try:
        factory: object = attrgetter(attribute)(import_module(module))
    except ModuleNotFoundError as exc:
        raise _fault(plugin, f"there is no module {exc.name}") from exc
    except Exception as exc:
        raise _fault(plugin, f"{plugin.factory} can't be loaded: {type(exc).__name__}") from exc
    if not callable(factory):
        raise _fault(plugin, f"{plugin.factory} is {_kind(factory)}, no factory")
    return factory


def _kind(thing: object) -> str:
    return f"a {type(thing).__module__}.{type(thing).__qualname__}"


def _fault(plugin: Plugin, why: str) -> SettingsError:
    return SettingsError(f"{SETTING_OF[plugin.field]}: the plugin {plugin} can't be used: {why}")
