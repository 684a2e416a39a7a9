"""Reads the settings from names and texts, once; all faults are reported in one message."""

import base64
import binascii
import json
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from therapy.config.adapter_families import (
    FAMILIES,
    chosen,
    faults,
    keyless,
    mail_faults,
    recognised_by,
)
from therapy.config.data_directory import default_data_dir
from therapy.config.installed_plugins import (
    GROUPS,
    Plugin,
    environment_of,
    every_installed,
    plugins_named,
)
from therapy.config.settings import Settings
from therapy.config.settings_table import RENAMED, SETTINGS, settings_of
from therapy.config.signing_secret import secret_faults
from therapy.config.value_parsers import read

UNRESOLVED = "@microsoft.keyvault("
"""How the value begins if App Service could not resolve a Key Vault reference."""

OUTSIDE_THE_TABLE = frozenset({"THERAPY_ENV", "THERAPY_FLOW_PASSWORD"})
"""Our own names that are not settings, because they are read earlier or elsewhere."""

APP_SERVICE, IDENTITY = "WEBSITE_INSTANCE_ID", "IDENTITY_ENDPOINT"
"""What App Service always sets, and what it sets if an identity is enabled."""

EVERY = frozenset(each.field for each in FAMILIES)


class SettingsError(Exception):
    """Raised at the start if settings are missing or malformed: one line for each, with the fix."""


def in_production(environment: Mapping[str, str]) -> bool:
    """Return whether this is an App Service, or THERAPY_ENV says that it is in production."""
    return on_app_service(environment) or environment.get("THERAPY_ENV") == "production"


def on_app_service(environment: Mapping[str, str]) -> bool:
    """Return whether this is an App Service."""
    return APP_SERVICE in environment


def read_settings(environment: Mapping[str, str], fields: Collection[str] = EVERY) -> Settings:
    """Return the settings read from names and texts; an empty text is the default.

    `fields` are those that choose an adapter ("stores", "recordings", "speech" …) and are used; if nothing is
    said, all. Only these must be completely configured.

    Raises:
        SettingsError: settings are missing, malformed or contradictory; names all of them.
    """
    values, given, sound, found = _each_read(environment)
    if not values.get("host"):
        values["host"] = "0.0.0.0" if in_production(environment) else "127.0.0.1"  # noqa: S104 - a container's only way out
    if "data_dir" not in given:
        values["data_dir"] = default_data_dir()
    values |= chosen(values, given)
    if values["speech"] == "local" and "speech_languages" not in given:
        values["speech_languages"] = recognised_by(str(values["speech_model"]))
    plugins = _plugins(values, fields)
    own = {plugin.field: environment_of(plugin, environment) for plugin in plugins}
    values["plugin_environment"] = own
    found += (
        f"{name} {_UNRESOLVED_MEND}"
        for name in sorted({*chain(*own.values())})
        if environment[name].strip().lower().startswith(UNRESOLVED)
    )
    names = {setting.field: setting.name for setting in SETTINGS}
    found += faults(values, names, fields)
    if "mail" in fields:
        found += mail_faults(values)
    if APP_SERVICE in environment and IDENTITY not in environment:
        found += (f"{names[key]} {_NO_IDENTITY}" for key in keyless(values, fields))
    found += _in_the_clear(values, names, fields)
    if fields == EVERY and "jwt_secret" in sound:
        found += secret_faults(values, production=in_production(environment))
    if values["push"] == "firebase" and "push" in fields and not values.get("firebase_account"):
        found += _missing_file("GOOGLE_APPLICATION_CREDENTIALS", str(values["google_credentials"]))
    found += _malformed_secrets({field: values[field] for field in sound})
    if found:
        raise SettingsError(
            "\n".join(["The settings can't be used:", *(f"  - {each}" for each in found)])
        )
    return settings_of(values)


class _Read(NamedTuple):
    """The values by field, the fields that are set, the fields that are well-formed, and the faults."""

    values: dict[str, object]
    given: set[str]
    sound: set[str]
    faults: list[str]


def _each_read(environment: Mapping[str, str]) -> _Read:
    read_so_far = _Read({}, set(), set(), [])
    for setting in SETTINGS:
        name, field = _name_that_is_set(setting.name, environment), setting.field
        text = environment.get(name, "").strip()
        # A default until it is read, so that a malformed setting is not reported as missing, too.
        read_so_far.values[field] = text if setting.default == "" else setting.default
        if text:
            read_so_far.given.add(field)
        if text.lower().startswith(UNRESOLVED):
            read_so_far.faults.append(f"{name} {_UNRESOLVED_MEND}")
            continue
        try:
            if text:
                read_so_far.values[field] = read(setting.form, text)
            read_so_far.sound.add(field)
        except ValueError as exc:
            read_so_far.faults.append(f"{name} must be {exc}: {setting.purpose}")
    return read_so_far


def _name_that_is_set(name: str, environment: Mapping[str, str]) -> str:
    """Return a setting's former name if only that is set, else its name."""
    names = (name, *(old for old, new in RENAMED.items() if new == name))
    return next((each for each in names if environment.get(each, "").strip()), name)


def _plugins(values: Mapping[str, object], fields: Collection[str]) -> list[Plugin]:
    """Return the plugins that serve these fields, leaving out fields that our families serve."""
    families = {each.field: {"local", each.chosen} for each in FAMILIES}
    named = {field: str(values[field]) for field in GROUPS if field in fields}
    return [
        plugin
        for field, text in named.items()
        if text not in families[field]
        for plugin in plugins_named(field, text)
    ]


def unknown(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield names that look like our settings but aren't, each with the most similar one ("" = none)."""
    known = {setting.name for setting in SETTINGS} | OUTSIDE_THE_TABLE | RENAMED.keys()
    prefixes = tuple(plugin.prefix for plugin in every_installed())
    for name in sorted(environment.keys() - known):
        if name.startswith(prefixes):
            continue
        nearest = get_close_matches(name, known, 1, 0.85)
        if nearest or name.startswith("THERAPY_"):
            yield name, nearest[0] if nearest else ""


_NO_IDENTITY = (
    "is missing, and this App Service has no identity to use instead: set it, or enable Identity"
    " (for a user-assigned one set AZURE_CLIENT_ID) and assign its roles"
)
_UNRESOLVED_MEND = (
    "is a Key Vault reference that was not resolved: give this app's identity the role Key Vault Secrets"
    " User, and check that the vault and the secret exist"
)


_ADDRESSES = {"cosmos_key": "cosmos_uri", "language_key": "language_endpoint"}


def _in_the_clear(
    values: Mapping[str, object], names: Mapping[str, str], fields: Collection[str]
) -> Iterator[str]:
    """Yield which keys are needed because an address is http: no SDK sends an identity's token over that."""
    for key in keyless(values, fields):
        if str(values.get(_ADDRESSES.get(key, ""), "")).startswith("http://"):
            address = names[_ADDRESSES[key]]
            yield f"{names[key]} is missing: set it, or use https in {address} with an identity"


def _missing_file(name: str, path: str) -> Iterator[str]:
    """Yield that a setting names no file, if it names one."""
    if path and not Path(path).is_file():
        yield f"{name} names no file that is there ({path}): correct it, or copy the file there"


def _malformed_secrets(values: Mapping[str, object]) -> Iterator[str]:
    """Yield which secrets are malformed, without quoting them."""
    for field, name in (("cosmos_key", "COSMOS_KEY"),):
        try:
            base64.b64decode(str(values.get(field, "")), validate=True)
        except (binascii.Error, ValueError):
            yield f"{name} must be base64, as shown in the portal: copy it again"
    connection = str(values.get("storage_connection", ""))
    if connection and not ("AccountName=" in connection or "BlobEndpoint=" in connection):
        name = "AZURE_STORAGE_CONNECTION_STRING"
        yield f"{name} must be a connection string with AccountName= or BlobEndpoint=: copy it again"
    account = str(values.get("firebase_account", ""))
    if account and not _is_service_account(account):
        name = "FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT"
        yield f"{name} must be the JSON of a service account: paste the whole key file"


def _is_service_account(text: str) -> bool:
    try:
        account = json.loads(text)
    except ValueError:
        return False
    return isinstance(account, dict) and {"client_email", "private_key"} <= account.keys()
