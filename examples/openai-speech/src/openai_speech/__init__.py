"""Speech for `therapy` over any server with OpenAI's `/v1/audio/transcriptions`.

`therapy` finds `open_speech` by the entry point in pyproject.toml and gives it the environment's names that
begin with OPENAI_SPEECH_.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from openai_speech.engine import OpenAiSpeech, Server
from therapy.config import SettingsError

__all__ = ["OpenAiSpeech", "Server", "open_speech"]

NAMES = {"URL", "KEY", "MODEL", "FORMAT", "MAX_BYTES", "TIMEOUT_SECONDS"}


@asynccontextmanager
async def open_speech(environment: Mapping[str, str]) -> AsyncIterator[OpenAiSpeech]:
    """Open the adapter with these settings, and close its connections again.

    Raises:
        SettingsError: a setting is missing, malformed or unknown; says which, never what its text is.
    """
    server = server_of(environment)
    headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
    timeout = httpx.Timeout(server.timeout_seconds, connect=10)
    tls = server.url.startswith("https://")  # else no certificate authorities need to be loaded
    async with httpx.AsyncClient(headers=headers, timeout=timeout, verify=tls) as client:
        yield OpenAiSpeech(server, client)


def server_of(environment: Mapping[str, str]) -> Server:
    """Read the settings."""
    told = {name.removeprefix("OPENAI_SPEECH_"): text.strip() for name, text in environment.items()}
    if unknown := sorted(told.keys() - NAMES):
        raise SettingsError(f"OPENAI_SPEECH_{unknown[0]} is no setting of it")
    url = told.get("URL", "")
    if not url.startswith(("https://", "http://")):
        raise SettingsError(
            "OPENAI_SPEECH_URL is missing or no address: set it, e.g. to https://api.openai.com/v1"
        )
    usual = Server(url=url)
    model = told.get("MODEL") or usual.model
    form = told.get("FORMAT") or ("diarized_json" if "diarize" in model else usual.form)
    if form not in {"verbose_json", "diarized_json", "json"}:
        raise SettingsError("OPENAI_SPEECH_FORMAT must be verbose_json, diarized_json or json")
    return Server(
        url=url.rstrip("/"),
        key=told.get("KEY", ""),
        model=model,
        form=form,
        max_bytes=_number(told, "MAX_BYTES", usual.max_bytes, least=1_000_000),
        timeout_seconds=_number(told, "TIMEOUT_SECONDS", usual.timeout_seconds, least=1),
    )


def _number(told: Mapping[str, str], name: str, usual: int, *, least: int) -> int:
    text = told.get(name) or str(usual)
    if not text.isdecimal() or int(text) < least:
        raise SettingsError(f"OPENAI_SPEECH_{name} must be a whole number, {least} or more")
    return int(text)
