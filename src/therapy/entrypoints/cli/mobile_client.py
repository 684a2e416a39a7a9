"""An HTTP client like the mobile app's: the same time-outs, uploads and handling of 401.

It doesn't check the shape of answers; `acceptance` does.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import httpx
import msgspec

TIMEOUT_SECONDS = 10.0
"""For connecting, reading a byte and writing one: the defaults of the app's library."""

CHUNK = 64 * 1024
UNAUTHORIZED = 401


class CallFailed(Exception):
    """Raised for an unexpected answer; says the call, what was expected and what came."""


@dataclass(frozen=True)
class Upload:
    """A recording and its metadata, which is sent unchanged if it is bytes; the app sends the audio first."""

    audio: bytes
    metadata: Mapping[str, object] | bytes | None
    file_name: str = ""
    metadata_first: bool = False


def metadata_of(
    *,
    therapist: Mapping[str, object],
    patient: Mapping[str, object],
    day: date,
    summary: str = "",
    general_notes: tuple[str, ...] = (),
    timed_notes: tuple[tuple[str, str], ...] = (),
) -> dict[str, object]:
    """Return metadata in the app's form: therapist and patient are JSON texts inside JSON."""
    return {
        "therapist": msgspec.json.encode(therapist).decode(),
        "patient": msgspec.json.encode(patient).decode(),
        "session_date": f"{day:%d-%m-%Y}",
        "summary": summary,
        "general_notes": [{"content": note} for note in general_notes],
        "timed_notes": [{"timestamp": at, "content": note} for at, note in timed_notes],
    }


class MobileClient:
    """A signed-in app. On a 401 it refreshes its tokens once and tries again, as the app does."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout, headers={"User-Agent": "okhttp/4"})
        self.token = ""
        self.refresh_token = ""
        self.user: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def raw(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: object = None,
        content: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request with this token ("" or None = without) and return the answer."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if json is not None:
            sent["Content-Type"] = "application/json; charset=UTF-8"
            content = msgspec.json.encode(json)
        return self._http.request(method, path, content=content, headers=sent, params=params)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request as the signed-in app; return the answer."""
        answer = self.raw(method, path, token=self.token, json=json, params=params)
        if answer.status_code == UNAUTHORIZED and self.refresh_token:
            self.refresh()
            answer = self.raw(method, path, token=self.token, json=json, params=params)
        return answer

    def streaming(self, method: str, path: str) -> AbstractContextManager[httpx.Response]:
        """Send a request as the signed-in app; return its answer, to be read inside while it comes."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._http.stream(method, path, headers=headers)

    def got(self, method: str, path: str, *, expected: int = 200, json: object = None) -> Any:
        """Send a request as the signed-in app; return the decoded JSON, None if there is no body.

        Raises:
            CallFailed: the answer has another status.
        """
        answer = self.call(method, path, json=json)
        if answer.status_code != expected:
            raise CallFailed(f"{method} {path}: expected {expected}, got {outcome_of(answer)}")
        return answer.json() if answer.content else None

    def login(self, email: str, password: str) -> dict[str, Any]:
        """Sign in; return the answer.

        Raises:
            CallFailed: it was refused.
        """
        answer = self.raw("POST", "/auth/login", json={"email": email, "password": password})
        if answer.status_code != 200:
            raise CallFailed(f"POST /auth/login: expected 200, got {outcome_of(answer)}")
        self.user = answer.json()
        self.token, self.refresh_token = self.user["token"], self.user["refreshToken"]
        return self.user

    def refresh(self) -> None:
        """Exchange the refresh token for the next pair of tokens.

        Raises:
            CallFailed: it was refused; the app would sign out.
        """
        answer = self.raw("POST", "/auth/refresh", json={"refreshToken": self.refresh_token})
        if answer.status_code != 200:
            raise CallFailed(f"POST /auth/refresh: expected 200, got {outcome_of(answer)}")
        self.take(answer.json())

    def take(self, pair: Mapping[str, Any]) -> None:
        """Use the tokens of a refresh from now on."""
        self.token, self.refresh_token = pair["accessToken"], pair["refreshToken"]

    def upload(
        self,
        upload: Upload,
        *,
        token: str | None = None,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> httpx.Response:
        """Upload a recording, chunked, the audio first; `on_progress` is called with the bytes sent."""
        boundary = uuid.uuid4().hex
        return self.raw(
            "POST",
            "/sessions/upload",
            token=self.token if token is None else token,
            content=_parts(upload, boundary, on_progress),
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )


def _parts(upload: Upload, boundary: str, on_progress: Callable[[int], None]) -> Iterator[bytes]:
    parts = [_audio_part(upload, on_progress), _metadata_part(upload)]
    for part in reversed(parts) if upload.metadata_first else parts:
        before = f"--{boundary}\r\n".encode()
        for piece in part:
            yield before + piece
            before = b""
    yield f"--{boundary}--\r\n".encode()


def _audio_part(upload: Upload, on_progress: Callable[[int], None]) -> Iterator[bytes]:
    name = upload.file_name or f"session_audio_{uuid.uuid4()}.wav"
    yield (
        f'Content-Disposition: form-data; name="audio_file"; filename="{name}"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    ).encode()
    view = memoryview(upload.audio)
    for at in range(0, len(view), CHUNK):
        yield bytes(view[at : at + CHUNK])
        on_progress(min(len(view), at + CHUNK))
    yield b"\r\n"


def _metadata_part(upload: Upload) -> Iterator[bytes]:
    if upload.metadata is None:
        return
    yield (
        b'Content-Disposition: form-data; name="metadata"\r\nContent-Type: application/json\r\n\r\n'
    )
    metadata = upload.metadata
    yield metadata if isinstance(metadata, bytes) else msgspec.json.encode(metadata)
    yield b"\r\n"


def outcome_of(answer: httpx.Response) -> str:
    """Return what came, without anything about a person: the status, and our own code if there is one."""
    try:
        code = answer.json()["code"]
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
    return f"{answer.status_code} ({str(code)[:40]})"
