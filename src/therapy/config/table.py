"""What can be set: one literal table of the names outside, each with the field of `Settings` it fills.

The names of the earlier generation are kept, so that an App Service set up for it starts this one with
nothing changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from therapy.config.readers import (
    address,
    ascii_text,
    host,
    languages,
    like,
    mail_address,
    networks,
    one_of,
    region,
    seconds,
    whole,
    yes_or_no,
)

AUTO = "auto"


@dataclass(frozen=True)
class Setting:
    """One setting: its name outside, its field, how it is read, and what it is for."""

    name: str
    field: str
    default: str
    read: Callable[[str], object]
    purpose: str
    secret: bool = False


_HTTP = address("https", "http")

SETTINGS: tuple[Setting, ...] = (
    Setting("PORT", "port", "8000", whole(0, 65_535), "the port to listen on; 0 takes a free one"),
    Setting(
        "THERAPY_HOST",
        "host",
        "",
        str,
        "the address to listen on; when empty, 127.0.0.1, or all in production",
    ),
    Setting(
        "THERAPY_TRUSTED_PROXIES",
        "trusted_proxies",
        "",
        networks,
        "addresses and networks of the proxies in front, with commas between: from them X-Forwarded-For is"
        " believed, so that a client's address is its own; when empty, from nobody",
    ),
    Setting(
        "THERAPY_DATA_DIR",
        "data_dir",
        "therapy-data",
        Path,
        "where the local family keeps everything; relative to the directory `therapy` is started in",
    ),
    Setting(
        "JWT_SECRET_KEY",
        "jwt_secret",
        "",
        str,
        "signs access tokens, at least 32 bytes; when empty, one is made and kept in the data directory",
        secret=True,
    ),
    Setting(
        "THERAPY_OPERATOR_TOKEN",
        "operator_token",
        "",
        str,
        "shows the details of /health/ready to whoever sends it as a bearer token",
        secret=True,
    ),
    Setting(
        "THERAPY_LANGUAGE",
        "language",
        "en",
        one_of("en", "he"),
        "of errors where a client asks for none, and of a new practice",
    ),
    Setting(
        "THERAPY_MAX_UPLOAD_BYTES",
        "upload_bytes",
        str(2 * 1024**3),
        whole(1, 2**50),
        "the largest recording that is taken in",
    ),
    Setting(
        "THERAPY_DISK_RESERVE_BYTES",
        "disk_reserve",
        str(512 * 1024**2),
        whole(0, 2**60),
        "room on the disk that local recordings leave free",
    ),
    Setting(
        "THERAPY_LEASE_SECONDS",
        "lease",
        "30",
        seconds,
        "how long a dead worker's session waits before another takes it",
    ),
    Setting(
        "THERAPY_SWEEP_SECONDS",
        "sweep_every",
        "10",
        seconds,
        "how often forgotten work is looked for",
    ),
    Setting(
        "CELERY_CONCURRENCY",
        "sessions_at_once",
        "4",
        whole(1, 64),
        "sessions that one worker works on at once",
    ),
    Setting(
        "GUNICORN_WORKERS", "api_processes", "1", whole(1, 64), "API processes of `therapy all`"
    ),
    Setting(
        "GUNICORN_TIMEOUT", "drain", "10", seconds, "seconds that requests may go on after SIGTERM"
    ),
    Setting(
        "THERAPY_LOG_LEVEL",
        "log_level",
        "info",
        one_of("debug", "info", "warning", "error"),
        "how much is logged; never what people said",
    ),
    Setting(
        "SPEECH_LANGUAGE",
        "speech_languages",
        "he-IL,en-US",
        languages,
        "what is spoken in sessions, recognised among these",
    ),
    Setting(
        "THERAPY_SPEECH_MODEL",
        "speech_model",
        "tiny.en",
        str,
        "the local recogniser's model: tiny.en, base (multilingual; extra [hebrew]) or a directory with one",
    ),
    Setting(
        "THERAPY_SPEECH_ENGINE",
        "speech_engine",
        AUTO,
        one_of(AUTO, "conversation", "fast"),
        "which engine of Azure Speech; auto chooses by length, size and language",
    ),
    Setting(
        "SPEECH_KEY",
        "speech_key",
        "",
        str,
        "Azure Speech: key; when empty, managed identity",
        secret=True,
    ),
    Setting("SPEECH_REGION", "speech_region", "", region, "Azure Speech: region, e.g. westeurope"),
    Setting(
        "THERAPY_SPEECH_ENDPOINT",
        "speech_endpoint",
        "",
        address("https", "http", "wss", "ws"),
        "Azure Speech: an address instead of the region's, e.g. of a private endpoint",
    ),
    Setting(
        "THERAPY_SPEECH_RESOURCE_ID",
        "speech_resource_id",
        "",
        str,
        "Azure Speech: the resource's id, needed with managed identity",
    ),
    Setting(
        "THERAPY_FAST_TRANSCRIPTION_ENDPOINT",
        "fast_endpoint",
        "",
        _HTTP,
        "Azure Speech: an address for Fast Transcription, where it is another one",
    ),
    Setting("COSMOS_URI", "cosmos_uri", "", _HTTP, "Cosmos DB: address of the account"),
    Setting(
        "COSMOS_KEY",
        "cosmos_key",
        "",
        str,
        "Cosmos DB: key; when empty, managed identity",
        secret=True,
    ),
    Setting(
        "COSMOS_DATABASE_NAME",
        "cosmos_database",
        "therapydb",
        str,
        "Cosmos DB: name of the database",
    ),
    Setting(
        "AZURE_STORAGE_CONNECTION_STRING",
        "storage_connection",
        "",
        str,
        "Blob Storage: connection string",
        secret=True,
    ),
    Setting(
        "AZURE_STORAGE_ACCOUNT_NAME",
        "storage_account",
        "",
        like("[a-z0-9]{3,24}", "the account's name: 3 to 24 small letters and digits"),
        "Blob Storage: account, with managed identity when there is no connection string",
    ),
    Setting(
        "AUDIO_UPLOAD_BLOB_CONTAINER_NAME",
        "storage_container",
        "audio-uploads",
        like("[a-z0-9]+(-[a-z0-9]+)*", "a name of small letters and digits, with single hyphens"),
        "Blob Storage: container of the recordings",
    ),
    Setting(
        "TEXT_ANALYTICS_KEY",
        "language_key",
        "",
        str,
        "Azure Language: key; when empty, managed identity",
        secret=True,
    ),
    Setting(
        "TEXT_ANALYTICS_ENDPOINT",
        "language_endpoint",
        "",
        _HTTP,
        "Azure Language: address of the resource",
    ),
    Setting(
        "REDIS_HOST",
        "redis_host",
        "",
        host,
        "Redis or Valkey: host; when empty, rings stay in the process and workers find work by the sweep",
    ),
    Setting(
        "REDIS_PORT",
        "redis_port",
        "6379",
        whole(1, 65_535),
        "Redis: port; 6380 is Azure Cache with TLS, 10000 Azure Managed Redis",
    ),
    Setting(
        "REDIS_PASSWORD",
        "redis_password",
        "",
        str,
        "Redis: access key; when empty with TLS on Azure, managed identity",
        secret=True,
    ),
    Setting("REDIS_USE_SSL", "redis_ssl", "false", yes_or_no, "Redis: TLS"),
    Setting(
        "THERAPY_REDIS_USERNAME",
        "redis_username",
        "",
        str,
        "Redis: object id of the managed identity, where Entra is used",
    ),
    Setting("FIREBASE_PROJECT_ID", "firebase_project", "", str, "Firebase: project"),
    Setting(
        "FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT",
        "firebase_account",
        "",
        str,
        "Firebase: the service account's JSON",
        secret=True,
    ),
    Setting(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "google_credentials",
        "",
        str,
        "Firebase: a file with the service account's JSON",
    ),
    Setting(
        "THERAPY_SMTP_HOST",
        "smtp_host",
        "",
        host,
        "mail: host of the SMTP server; when empty, letters are written into files",
    ),
    Setting(
        "THERAPY_SMTP_PORT",
        "smtp_port",
        "587",
        whole(1, 65_535),
        "mail: port; 587 with starttls, 465 with tls",
    ),
    Setting("THERAPY_SMTP_USERNAME", "smtp_username", "", ascii_text, "mail: who signs in there"),
    Setting(
        "THERAPY_SMTP_PASSWORD", "smtp_password", "", ascii_text, "mail: its password", secret=True
    ),
    Setting(
        "THERAPY_SMTP_SECURITY",
        "smtp_security",
        "starttls",
        one_of("starttls", "tls", "none"),
        "mail: starttls, tls from the first byte, or none (no password then, but on this machine)",
    ),
    Setting(
        "THERAPY_MAIL_FROM",
        "mail_from",
        "",
        mail_address,
        "mail: whom letters come from: an address, or e.g. `The clinic <therapy@clinic.example>`",
    ),
    Setting(
        "THERAPY_STORES",
        "stores",
        AUTO,
        one_of(AUTO, "local", "azure"),
        "documents and people: local (SQLite) or azure (Cosmos DB)",
    ),
    Setting(
        "THERAPY_RECORDINGS",
        "recordings",
        AUTO,
        one_of(AUTO, "local", "azure"),
        "recordings: local (files) or azure (Blob Storage)",
    ),
    Setting(
        "THERAPY_SPEECH",
        "speech",
        AUTO,
        one_of(AUTO, "local", "azure"),
        "recognition: local (Whisper) or azure (Speech)",
    ),
    Setting(
        "THERAPY_SENTIMENT",
        "sentiment",
        AUTO,
        one_of(AUTO, "local", "azure"),
        "sentiment: local (VADER) or azure (Language)",
    ),
    Setting(
        "THERAPY_NOTICES",
        "push",
        AUTO,
        one_of(AUTO, "local", "firebase"),
        "pushes: local (a file) or firebase (FCM)",
    ),
    Setting(
        "THERAPY_MAIL",
        "mail",
        AUTO,
        one_of(AUTO, "local", "smtp"),
        "letters: local (a file each) or smtp",
    ),
    Setting(
        "THERAPY_DOORBELL",
        "doorbell",
        AUTO,
        one_of(AUTO, "local", "redis"),
        "rings: local (in the process) or redis",
    ),
)

NO_LONGER_NEEDED = {
    "FLASK_SECRET_KEY": "there are no cookies to sign",
    "FLASK_DEBUG": "see THERAPY_LOG_LEVEL",
    "GUNICORN_THREADS": "one process serves many requests at once",
}
"""Settings of the earlier generation that are accepted and do nothing."""
