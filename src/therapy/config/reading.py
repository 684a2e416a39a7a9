"""Reading the settings from names and texts: once, with every fault named in one message."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping

from therapy.config.families import chosen, faults
from therapy.config.table import SETTINGS, Settings

PLACEHOLDERS = ("changeme", "change-me", "secret", "your-", "placeholder", "default", "example")
SHORTEST_SECRET = 32
"""Bytes of a signing secret: the length of an HS256 key, RFC 7518, 3.2."""


class SettingsError(Exception):
    """Raised at the start when settings are missing or malformed: one line for each, with its mend."""


def in_production(environment: Mapping[str, str]) -> bool:
    """Tell whether this is an App Service, or says of itself that it is in production."""
    return "WEBSITE_INSTANCE_ID" in environment or environment.get("THERAPY_ENV") == "production"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from names and texts; an empty text is the default.

    Raises:
        SettingsError: something is missing, malformed or contradictory; names all of it.
    """
    values: dict[str, object] = {}
    found: list[str] = []
    for setting in SETTINGS:
        text = environment.get(setting.name, "").strip() or setting.default
        try:
            values[setting.field] = setting.read(text)
        except ValueError as exc:
            found.append(f"{setting.name} must be {exc}: {setting.purpose}")
    if not values.get("host"):
        values["host"] = "0.0.0.0" if in_production(environment) else "127.0.0.1"  # noqa: S104 - a container's only way out
    values |= chosen(values)
    found += faults(values, {setting.field: setting.name for setting in SETTINGS})
    found += _weak_secret(str(values.get("jwt_secret", "")), environment)
    found += _malformed_secrets(values)
    if found:
        raise SettingsError(
            "\n".join(["The settings can't be used:", *(f"  - {each}" for each in found)])
        )
    return Settings(**values)  # type: ignore[arg-type]  # each was read by its own function above


def _weak_secret(secret: str, environment: Mapping[str, str]) -> Iterator[str]:
    if not in_production(environment):
        return
    mend = "`openssl rand -hex 32` makes one"
    if secret and len(secret.encode()) < SHORTEST_SECRET:
        yield f"JWT_SECRET_KEY must have {SHORTEST_SECRET} bytes or more: {mend}"
    elif any(each in secret.lower() for each in PLACEHOLDERS):
        yield f"JWT_SECRET_KEY is a placeholder: {mend}"


def _malformed_secrets(values: Mapping[str, object]) -> Iterator[str]:
    """Say which secrets can't be what they should be, never what they are."""
    for field, name in (("cosmos_key", "COSMOS_KEY"),):
        try:
            base64.b64decode(str(values.get(field, "")), validate=True)
        except (binascii.Error, ValueError):
            yield f"{name} must be base64, as the portal shows it: copy it again"
    connection = str(values.get("storage_connection", ""))
    if connection and not ("AccountName=" in connection or "BlobEndpoint=" in connection):
        name = "AZURE_STORAGE_CONNECTION_STRING"
        yield f"{name} must be one, with AccountName= or BlobEndpoint= in it: copy it again"
    account = str(values.get("firebase_account", ""))
    if account and not _is_service_account(account):
        name = "FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT"
        yield f"{name} must be the JSON of a service account: paste the key's file whole"


def _is_service_account(text: str) -> bool:
    try:
        account = json.loads(text)
    except ValueError:
        return False
    return isinstance(account, dict) and {"client_email", "private_key"} <= account.keys()
