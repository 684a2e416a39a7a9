"""The settings once they are read: one frozen struct, with no secret in any picture of it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct


class Settings(Struct, frozen=True, kw_only=True):
    """What an installation can choose. Sizes are bytes; see `table` for the names outside.

    The last block is which family of adapters serves which port; never "auto" once it was read.
    """

    host: str
    port: int
    trusted_proxies: tuple[str, ...]
    data_dir: Path
    jwt_secret: str
    operator_token: str
    language: str
    upload_bytes: int
    disk_reserve: int
    lease: timedelta
    sweep_every: timedelta
    sessions_at_once: int
    api_processes: int
    drain: timedelta
    log_level: str

    speech_languages: tuple[str, ...]
    speech_model: str
    speech_engine: str
    speech_key: str
    speech_region: str
    speech_endpoint: str
    speech_resource_id: str
    fast_endpoint: str

    cosmos_uri: str
    cosmos_key: str
    cosmos_database: str

    storage_connection: str
    storage_account: str
    storage_container: str

    language_key: str
    language_endpoint: str

    redis_host: str
    redis_port: int
    redis_password: str
    redis_ssl: bool
    redis_username: str

    firebase_project: str
    firebase_account: str
    google_credentials: str

    smtp_host: str
    smtp_port: int
    smtp_username: str
    smtp_password: str
    smtp_security: str
    mail_from: str

    stores: str
    recordings: str
    speech: str
    sentiment: str
    push: str
    mail: str
    doorbell: str

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []

    def __repr__(self) -> str:
        return f"Settings(host={self.host!r}, port={self.port}, data_dir={str(self.data_dir)!r})"
