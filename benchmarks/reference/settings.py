"""The settings of the reference: environment variables, with the names that tests/emulators gives them.

Required: COSMOS_URI, COSMOS_KEY, AZURE_STORAGE_CONNECTION_STRING, REDIS_HOST, REDIS_PORT, JWT_SECRET_KEY;
for jobs TEXT_ANALYTICS_ENDPOINT and _KEY, FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT, and for
REFERENCE_SPEECH=conversation also THERAPY_SPEECH_ENDPOINT and SPEECH_KEY.
"""

from __future__ import annotations

import os

ACCESS_SECONDS = 30 * 60
REFRESH_SECONDS = 30 * 24 * 3600
JOB_SECONDS = 20 * 60
"""After which Celery ends a job."""


def required(name: str) -> str:
    """Return an environment variable. Raises SystemExit where it is not set."""
    value = os.environ.get(name, "")
    if not value:
        raise SystemExit(f"{name} is not set")
    return value


def database_name() -> str:
    """Return the name of the Cosmos database: not that of ours, whose containers are others."""
    return os.environ.get("COSMOS_DATABASE_NAME", "reference")


def blob_container_name() -> str:
    """Return the name of the container of recordings."""
    return os.environ.get("AUDIO_UPLOAD_BLOB_CONTAINER_NAME", "reference-audio")


def redis_url() -> str:
    """Return the address of Redis: broker and results of Celery."""
    password = os.environ.get("REDIS_PASSWORD", "")
    secret = f":{password}@" if password else ""
    scheme = "rediss" if os.environ.get("REDIS_USE_SSL", "false").lower() == "true" else "redis"
    return f"{scheme}://{secret}{required('REDIS_HOST')}:{required('REDIS_PORT')}/0"


def speech_mode() -> str:
    """Return `instant` (what was said is made up, at once) or `conversation` (the Speech SDK is asked)."""
    mode = os.environ.get("REFERENCE_SPEECH", "instant")
    if mode not in {"instant", "conversation"}:
        raise SystemExit(f"REFERENCE_SPEECH is {mode}: it can be instant or conversation")
    return mode
