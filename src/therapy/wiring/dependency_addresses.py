"""The address of each dependency by the settings: for people and, of what the network is asked for, the host.

Nothing secret of a connection string or of a service account is in them.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from therapy.config import Settings
from therapy.wiring.plugin_adapters import plugin_of
from therapy.wiring.stores import data_dir_of

FCM = "oauth2.googleapis.com or fcm.googleapis.com"
"""The hosts that pushes need: Google's for a token, then FCM's."""


def stores_at(settings: Settings) -> str:
    """Return where the stores are, in a form for people."""
    if plugin := plugin_of(settings, "stores"):
        return str(plugin)
    if settings.stores == "azure":
        return f"{_host(settings.cosmos_uri)}, database {settings.cosmos_database}"
    return str(data_dir_of(settings))


def _recordings_at(settings: Settings) -> str:
    if settings.recordings == "azure":
        return f"{_account(settings)}, container {settings.storage_container}"
    return str(data_dir_of(settings) / "recordings")


def _recordings_host(settings: Settings) -> str:
    if settings.recordings != "azure":
        return ""
    connection = _connection(settings)
    suffix = connection.get("EndpointSuffix") or "core.windows.net"
    return _host(connection.get("BlobEndpoint", "")) or f"{_account(settings)}.blob.{suffix}"


def _connection(settings: Settings) -> dict[str, str]:
    """Return the parts of the connection string, whose key is never shown."""
    pairs = (part.partition("=") for part in settings.storage_connection.split(";"))
    return {name.strip(): text.strip() for name, _, text in pairs}


def _account(settings: Settings) -> str:
    """Return the storage account's name; nothing else of the connection string is shown."""
    connection = _connection(settings)
    named = connection.get("AccountName") or _host(connection.get("BlobEndpoint", ""))
    return named or settings.storage_account


def _speech_at(settings: Settings) -> str:
    if settings.speech == "azure":
        return _host(settings.speech_endpoint) or settings.speech_region
    return settings.speech_model


def _language_at(settings: Settings) -> tuple[str, str]:
    host = _host(settings.language_endpoint)
    return host, host


def _mail_at(settings: Settings) -> tuple[str, str]:
    host = f"{settings.smtp_host}:{settings.smtp_port}"
    return f"{host}, {settings.smtp_security}", host


def _doorbell_at(settings: Settings) -> tuple[str, str]:
    tls = "TLS" if settings.redis_ssl else "no TLS"
    host = f"{settings.redis_host}:{settings.redis_port}"
    return f"{host}, {tls}", host


def _speech_host(settings: Settings) -> str:
    """Return the host that recognises the second of speech: usually Fast Transcription."""
    if settings.speech != "azure":
        return ""
    conversation = settings.speech_engine == "conversation"
    address = settings.speech_endpoint
    if not conversation:
        address = settings.fast_endpoint or address
    kind = "stt.speech" if conversation else "api.cognitive"
    return _host(address) or f"{settings.speech_region}.{kind}.microsoft.com"


def _project(settings: Settings) -> str:
    """Return the Firebase project: its setting, or the name in the service account and nothing else of it."""
    if settings.firebase_project:
        return settings.firebase_project
    path = settings.google_credentials
    try:
        account = json.loads(settings.firebase_account or Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return path
    named = account.get("project_id") if isinstance(account, dict) else None
    return named if isinstance(named, str) else path


def _host(address: str) -> str:
    """Return only the host and port of an address."""
    return urlsplit(address).netloc.rpartition("@")[2]


ADDRESSES: Mapping[str, Callable[[Settings], tuple[str, str]]] = {
    "stores": lambda settings: (
        stores_at(settings),
        _host(settings.cosmos_uri) if settings.stores == "azure" else "",
    ),
    "recordings": lambda settings: (_recordings_at(settings), _recordings_host(settings)),
    "speech": lambda settings: (_speech_at(settings), _speech_host(settings)),
    "sentiment": _language_at,
    "insights": _language_at,
    "push": lambda settings: (_project(settings), FCM),
    "mail": _mail_at,
    "doorbell": _doorbell_at,
}
"""The address to show, and the host, of each dependency that one of our families serves."""
