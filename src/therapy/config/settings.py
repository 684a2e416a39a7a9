"""The settings: one struct with a field for each, its bounds and default, and parts that belong together.

A field defines its form, its purpose, its name in the environment and its default. The names of the earlier
generation are kept, so that an App Service that was configured for it starts this one unchanged.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from therapy.config.azure_settings import AzureSettings
from therapy.config.person_limit_settings import PersonLimitSettings
from therapy.config.recording_settings import RecordingSettings
from therapy.config.sign_in_settings import SignInSettings
from therapy.config.value_parsers import (
    AUTO,
    SECRET,
    AsciiText,
    Host,
    HttpAddress,
    Languages,
    Networks,
    People,
    Region,
    Seconds,
    Secret,
    Sender,
    ServedBy,
    SpeechAddress,
    Switch,
)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of an installation; their repr contains no secrets. Sizes are in bytes.

    The last block says which family of adapters, or which plugin, serves which port; it is never "auto" once
    it is read.
    """

    port: Annotated[int, Meta(ge=0, le=65_535), "the port to listen on; 0 uses a free one"] = field(
        name="PORT", default=8000
    )
    host: Annotated[
        str, "the address to listen on; when empty, 127.0.0.1, or all in production"
    ] = field(name="THERAPY_HOST", default="")
    trusted_proxies: Annotated[
        Networks,
        "addresses and networks of the proxies in front, comma-separated: only from them X-Forwarded-For is"
        " trusted, so that a client's address is its own; when empty, from nobody",
    ] = field(name="THERAPY_TRUSTED_PROXIES", default=())
    data_dir: Annotated[
        Path,
        "where the local family stores everything; relative to the directory `therapy` is started in. When"
        " empty, `therapy-data` there if earlier versions made one, else the platform's directory:"
        " ~/.local/share/therapy on Linux, ~/Library/Application Support/therapy on macOS",
    ] = field(name="THERAPY_DATA_DIR", default=Path())
    jwt_secret: Annotated[
        Secret,
        "signs access tokens, at least 32 random bytes (a weak one is refused where others than this machine"
        " can reach the server); when empty, one is generated and kept in the data directory",
    ] = field(name="JWT_SECRET_KEY", default="")
    operator_token: Annotated[
        Secret, "shows the details of /health/ready to whoever sends it as a bearer token"
    ] = field(name="THERAPY_OPERATOR_TOKEN", default="")
    readiness_every: Annotated[
        Seconds,
        "how long an answer of /health/ready stands before what the program depends on is asked again",
    ] = field(name="THERAPY_READINESS_SECONDS", default=timedelta(seconds=10))
    language: Annotated[
        Literal["en", "he"],
        "the language of errors if a client asks for none, and of a new practice",
    ] = field(name="THERAPY_LANGUAGE", default="en")
    upload_bytes: Annotated[int, Meta(ge=1, le=2**50), "the largest recording that is accepted"] = (
        field(name="THERAPY_MAX_UPLOAD_BYTES", default=2 * 1024**3)
    )
    disk_reserve: Annotated[
        int, Meta(ge=0, le=2**60), "space on the disk that local recordings leave free"
    ] = field(name="THERAPY_DISK_RESERVE_BYTES", default=512 * 1024**2)
    even_ms: Annotated[
        int,
        Meta(ge=0, le=1_000),
        "milliseconds: a 404 or 400 comes at a multiple of so many, so that it does not tell why; 0: at once",
    ] = field(name="THERAPY_EVEN_TIMES_MS", default=100)
    copy_days: Annotated[
        int,
        Meta(ge=0, le=3_650),
        "days that a copy of the database from before a migration stays, if no session in it is erased",
    ] = field(name="THERAPY_MIGRATION_COPY_DAYS", default=30)
    pack_from: Annotated[
        int,
        Meta(ge=0, le=2**30),
        "records of at least so many bytes, mostly transcripts, are deflated in SQLite, to a third; 0: none."
        " Set it, e.g. to 4096, once no program runs that does not know this setting",
    ] = field(name="THERAPY_SQLITE_PACK_BYTES", default=0)
    lease: Annotated[
        Seconds,
        "how long a dead worker's session waits before another takes it over; what follows from a change"
        " (a push, a list entry, a letter) is tried for four fifths of it, then again later",
    ] = field(name="THERAPY_LEASE_SECONDS", default=timedelta(seconds=30))
    sweep_every: Annotated[Seconds, "how often to look for work that was missed"] = field(
        name="THERAPY_SWEEP_SECONDS", default=timedelta(seconds=10)
    )
    sessions_at_once: Annotated[
        int, Meta(ge=1, le=64), "sessions that one worker works on at once"
    ] = field(name="CELERY_CONCURRENCY", default=4)
    api_processes: Annotated[
        int,
        Meta(ge=0, le=64),
        "processes of `therapy serve`, or API processes of `therapy all`, that share the port; 0: as many as"
        " cores. Those of `therapy serve` share CELERY_CONCURRENCY out among them",
    ] = field(name="GUNICORN_WORKERS", default=1)
    worker_processes: Annotated[
        int,
        Meta(ge=1, le=64),
        "worker processes of `therapy all`, each of which works on CELERY_CONCURRENCY sessions at once",
    ] = field(name="THERAPY_WORKER_PROCESSES", default=1)
    drain: Annotated[Seconds, "seconds that open requests may take after SIGTERM"] = field(
        name="GUNICORN_TIMEOUT", default=timedelta(seconds=10)
    )
    connections: Annotated[
        int,
        Meta(ge=1, le=1_000_000),
        "connections that one API process serves at once; fewer if it may not open so many files",
    ] = field(name="THERAPY_MAX_CONNECTIONS", default=4_000)
    connections_per_address: Annotated[
        int,
        Meta(ge=1, le=1_000_000),
        "connections that one API process serves at once from one address (IPv6: from one /64 network);"
        " this machine and trusted proxies may have more",
    ] = field(name="THERAPY_MAX_CONNECTIONS_PER_ADDRESS", default=200)
    head_bytes: Annotated[
        int, Meta(ge=1_024, le=2**20), "the largest head of a request: its address and headers"
    ] = field(name="THERAPY_MAX_HEAD_BYTES", default=32 * 1024)
    headers: Annotated[int, Meta(ge=8, le=10_000), "the most headers of a request"] = field(
        name="THERAPY_MAX_HEADERS", default=100
    )
    head_time: Annotated[Seconds, "how long a request's head may take, from its first byte"] = (
        field(name="THERAPY_HEAD_SECONDS", default=timedelta(seconds=10))
    )
    idle_connection: Annotated[
        Seconds, "how long a connection stays open without a request, new or after an answer"
    ] = field(name="THERAPY_IDLE_CONNECTION_SECONDS", default=timedelta(seconds=15))
    idle_body: Annotated[
        Seconds,
        "how long a request's body is waited for while less of it comes than"
        " THERAPY_BODY_PROGRESS_BYTES; with more than 300, a silent upload no longer counts as open",
    ] = field(name="THERAPY_IDLE_BODY_SECONDS", default=timedelta(seconds=30))
    body_progress: Annotated[
        int,
        Meta(ge=1, le=2**20),
        "bytes of a body that must come, or end it, within each THERAPY_IDLE_BODY_SECONDS",
    ] = field(name="THERAPY_BODY_PROGRESS_BYTES", default=8 * 1024)
    unread_answer: Annotated[
        Seconds, "how long an answer is kept of which the client reads nothing"
    ] = field(name="THERAPY_UNREAD_ANSWER_SECONDS", default=timedelta(seconds=120))
    idempotency_keys: Annotated[
        Seconds,
        "how long the answer to a request with an Idempotency-Key is kept for who sends it again",
    ] = field(name="THERAPY_IDEMPOTENCY_SECONDS", default=timedelta(days=1))
    keep_alive: Annotated[
        Seconds,
        "seconds without traffic after which a connection to Azure, Redis or Firebase sends a TCP keep-alive"
        " probe; less than networks in between wait before they forget it (Azure: 240)",
    ] = field(name="THERAPY_KEEP_ALIVE_SECONDS", default=timedelta(seconds=60))
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], "how much is logged; never what people said"
    ] = field(name="THERAPY_LOG_LEVEL", default="info")

    speech_languages: Annotated[
        Languages,
        "the languages of sessions; recognition chooses among them, so name one where you can: Azure's Fast"
        " Transcription chooses one for a whole recording. Where the local recogniser is used and this is"
        " unset, what its model recognises: en-US for tiny.en",
    ] = field(name="SPEECH_LANGUAGE", default=("he-IL", "en-US"))
    speech_people: Annotated[
        People,
        "how many people speak in a session, 1 to 6, where an upload does not say; 0 or auto: recognition"
        " counts the voices",
    ] = field(name="THERAPY_SPEECH_PEOPLE", default=0)
    speech_model: Annotated[
        str,
        "the local recogniser's model: tiny.en; base (multilingual, extra [hebrew]; for English the more"
        " accurate one, at three times the time); auto (tiny.en for English, base for other languages); or a"
        " directory with one",
    ] = field(name="THERAPY_SPEECH_MODEL", default="tiny.en")
    speech_engine: Annotated[
        Literal["auto", "conversation", "fast"],
        "which engine of Azure Speech; auto chooses by length, size and language",
    ] = field(name="THERAPY_SPEECH_ENGINE", default=AUTO)
    speech_key: Annotated[Secret, "Azure Speech: key; when empty, managed identity"] = field(
        name="SPEECH_KEY", default=""
    )
    speech_region: Annotated[Region, "Azure Speech: region, e.g. westeurope"] = field(
        name="SPEECH_REGION", default=""
    )
    speech_endpoint: Annotated[
        SpeechAddress,
        "Azure Speech: an address instead of the region's, e.g. of a private endpoint",
    ] = field(name="THERAPY_SPEECH_ENDPOINT", default="")
    speech_resource_id: Annotated[
        str, "Azure Speech: the resource's id, needed with managed identity"
    ] = field(name="THERAPY_SPEECH_RESOURCE_ID", default="")
    fast_endpoint: Annotated[
        HttpAddress, "Azure Speech: an address for Fast Transcription, if it is a different one"
    ] = field(name="THERAPY_FAST_TRANSCRIPTION_ENDPOINT", default="")

    cosmos_uri: Annotated[HttpAddress, "Cosmos DB: address of the account"] = field(
        name="COSMOS_URI", default=""
    )
    cosmos_key: Annotated[Secret, "Cosmos DB: key; when empty, managed identity"] = field(
        name="COSMOS_KEY", default=""
    )
    cosmos_database: Annotated[str, "Cosmos DB: name of the database"] = field(
        name="COSMOS_DATABASE_NAME", default="therapydb"
    )
    cosmos_throttled: Annotated[
        int,
        Meta(ge=1, le=25),
        "Cosmos DB: seconds that a request which is throttled (429) waits in all, as long as the service asks"
        " each time, before it is answered with 503",
    ] = field(name="THERAPY_COSMOS_THROTTLED_SECONDS", default=10)
    cosmos_tries: Annotated[
        int,
        Meta(ge=1, le=10_000),
        "Cosmos DB: how often such a request is repeated at most; a wait is often 5 milliseconds",
    ] = field(name="THERAPY_COSMOS_THROTTLED_TRIES", default=200)
    cosmos_lag_ms: Annotated[
        int,
        Meta(ge=0, le=2_000),
        "Cosmos DB: milliseconds after which a session or a login that was not found is looked for once more,"
        " as another process may have just written it; 0: not",
    ] = field(name="THERAPY_COSMOS_LAG_MS", default=200)

    storage_connection: Annotated[Secret, "Blob Storage: connection string"] = field(
        name="AZURE_STORAGE_CONNECTION_STRING", default=""
    )
    storage_account: Annotated[
        str,
        Meta(
            pattern=r"^([a-z0-9]{3,24}|)\Z",
            title="the account's name: 3 to 24 small letters and digits",
        ),
        "Blob Storage: account, used with managed identity when there is no connection string",
    ] = field(name="AZURE_STORAGE_ACCOUNT_NAME", default="")
    storage_container: Annotated[
        str,
        Meta(
            pattern=r"^([a-z0-9]+(-[a-z0-9]+)*|)\Z",
            title="a name of small letters and digits, with single hyphens",
        ),
        "Blob Storage: container of the recordings",
    ] = field(name="AUDIO_UPLOAD_BLOB_CONTAINER_NAME", default="audio-uploads")

    language_key: Annotated[Secret, "Azure Language: key; when empty, managed identity"] = field(
        name="TEXT_ANALYTICS_KEY", default=""
    )
    language_endpoint: Annotated[HttpAddress, "Azure Language: address of the resource"] = field(
        name="TEXT_ANALYTICS_ENDPOINT", default=""
    )

    redis_host: Annotated[
        Host,
        "Redis or Valkey: host; when empty, rings stay in the process and workers find work by the sweep",
    ] = field(name="REDIS_HOST", default="")
    redis_port: Annotated[
        int,
        Meta(ge=1, le=65_535),
        "Redis: port; 6380 is Azure Cache with TLS, 10000 Azure Managed Redis",
    ] = field(name="REDIS_PORT", default=6379)
    redis_password: Annotated[
        Secret, "Redis: access key; when empty with TLS on Azure, managed identity"
    ] = field(name="REDIS_PASSWORD", default="")
    redis_ssl: Annotated[Switch, "Redis: TLS"] = field(name="REDIS_USE_SSL", default=False)
    redis_username: Annotated[str, "Redis: object id of the managed identity, if Entra is used"] = (
        field(name="THERAPY_REDIS_USERNAME", default="")
    )

    firebase_project: Annotated[str, "Firebase: project"] = field(
        name="FIREBASE_PROJECT_ID", default=""
    )
    firebase_account: Annotated[Secret, "Firebase: the service account's JSON"] = field(
        name="FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT", default=""
    )
    google_credentials: Annotated[str, "Firebase: a file with the service account's JSON"] = field(
        name="GOOGLE_APPLICATION_CREDENTIALS", default=""
    )

    smtp_host: Annotated[
        Host, "mail: host of the SMTP server; when empty, letters are written to files"
    ] = field(name="THERAPY_SMTP_HOST", default="")
    smtp_port: Annotated[
        int, Meta(ge=1, le=65_535), "mail: port; 587 with starttls, 465 with tls"
    ] = field(name="THERAPY_SMTP_PORT", default=587)
    smtp_username: Annotated[AsciiText, "mail: username for signing in there"] = field(
        name="THERAPY_SMTP_USERNAME", default=""
    )
    smtp_password: Annotated[AsciiText, SECRET, "mail: password for signing in there"] = field(
        name="THERAPY_SMTP_PASSWORD", default=""
    )
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"],
        "mail: starttls, tls from the first byte, or none (then without password, unless on this machine)",
    ] = field(name="THERAPY_SMTP_SECURITY", default="starttls")
    mail_from: Annotated[
        Sender,
        "mail: the sender of letters: an address, or e.g. `The clinic <therapy@clinic.example>`",
    ] = field(name="THERAPY_MAIL_FROM", default="")

    stores: Annotated[
        str,
        ServedBy("stores", ("auto", "local", "azure")),
        "documents and people: local (SQLite), azure (Cosmos DB) or a plugin",
    ] = field(name="THERAPY_STORES", default=AUTO)
    recordings: Annotated[
        str,
        ServedBy("recordings", ("auto", "local", "azure")),
        "recordings: local (files), azure (Blob Storage) or a plugin",
    ] = field(name="THERAPY_RECORDINGS", default=AUTO)
    speech: Annotated[
        str,
        ServedBy("speech", ("auto", "local", "azure")),
        "recognition: local (Whisper), azure (Speech) or a plugin",
    ] = field(name="THERAPY_SPEECH", default=AUTO)
    sentiment: Annotated[
        str,
        ServedBy("sentiment", ("auto", "local", "azure")),
        "sentiment: local (VADER; Hebrew approximately), azure (Language) or a plugin",
    ] = field(name="THERAPY_SENTIMENT", default=AUTO)
    insights: Annotated[
        str,
        ServedBy("insights", ("auto", "local", "azure")),
        "key phrases, personal details, summary: local (none), azure (Language) or a plugin",
    ] = field(name="THERAPY_INSIGHTS", default=AUTO)
    insights_time: Annotated[
        Seconds,
        "how long one attempt to find insights may take, a summary nine tenths of it; review never waits",
    ] = field(name="THERAPY_INSIGHTS_SECONDS", default=timedelta(minutes=15))
    insights_at_once: Annotated[
        int,
        Meta(ge=1, le=256),
        "sessions in which one worker looks for insights at once, besides those that it works on",
    ] = field(name="THERAPY_INSIGHTS_AT_ONCE", default=8)
    playback_at_once: Annotated[
        int,
        Meta(ge=1, le=64),
        "sessions whose file for players one worker makes at once, with the least priority, besides those"
        " that it works on",
    ] = field(name="THERAPY_PLAYBACK_AT_ONCE", default=1)
    summaries: Annotated[
        Switch,
        "Azure Language: whether a draft of a summary is made; its text rests at Microsoft for 24 hours, and"
        " nothing deletes it earlier",
    ] = field(name="THERAPY_SUMMARIES", default=True)
    push: Annotated[
        str,
        ServedBy("push", ("auto", "local", "firebase")),
        "pushes: local (a file), firebase (FCM) or a plugin",
    ] = field(name="THERAPY_PUSH", default=AUTO)
    mail: Annotated[
        str,
        ServedBy("mail", ("auto", "local", "smtp")),
        "mail: local (a file per letter), smtp or a plugin",
    ] = field(name="THERAPY_MAIL", default=AUTO)
    doorbell: Annotated[
        Literal["auto", "local", "redis"], "rings: local (within the process) or redis"
    ] = field(name="THERAPY_DOORBELL", default=AUTO)

    plugin_environment: Mapping[str, Mapping[str, str]] = {}
    """By field, the part of the environment that its plugin gets. Not a setting itself."""

    azure_limits: AzureSettings = AzureSettings()
    person_limits: PersonLimitSettings = PersonLimitSettings()
    recording_limits: RecordingSettings = RecordingSettings()
    sign_in_limits: SignInSettings = SignInSettings()

    @property
    def processes(self) -> int:
        """How many API processes share the port: `api_processes`, or as many as cores may be used."""
        return self.api_processes or usable_cores()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []

    def __repr__(self) -> str:
        return f"Settings(host={self.host!r}, port={self.port}, data_dir={str(self.data_dir)!r})"
