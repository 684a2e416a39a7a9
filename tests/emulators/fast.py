"""Fast Transcription: POST /speechtotext/transcriptions:transcribe, one request, one answer.

Without a script it hears dialogue() for as long as the recording lasts: by its header where it is a WAV
or a FLAC, else `seconds`. Audio is counted and hashed, never kept. No audio is a 400, because the SDK's
own retry sends none the second time and must not be taken for a success. Faults go by "transcribe".
"""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

from aiohttp import BodyPartReader, web

from tests.emulators.fakes import Fake
from tests.emulators.talk import Phrase, dialogue, words_of

MAX_BYTES = 250_000_000
MAX_SECONDS = 2 * 60 * 60
CODES = {401: "Unauthorized", 403: "Forbidden", 429: "TooManyRequests", 503: "ServiceUnavailable"}


class FakeFast(Fake):
    """Hears `phrases`, in the form talk.py tells; each call is recorded with its bytes and definition."""

    key = "speech-key"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.phrases: list[Phrase] | None = None
        self.seconds = 60.0
        self.listens = False  # decodes what it is sent, and has no phrases for silence

    def settings(self) -> dict[str, str]:
        return {"THERAPY_FAST_TRANSCRIPTION_ENDPOINT": self.url}

    def clear(self) -> None:
        super().clear()
        self.phrases = None
        self.seconds = 60.0
        self.listens = False

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/speechtotext/transcriptions:transcribe", self._transcribe)]

    def name_of(self, request: web.Request) -> str:
        return "transcribe"

    def refusal(self, status: int, code: str = "", message: str = "") -> web.Response:
        code = code or CODES.get(status, "InternalServerError")
        return web.json_response({"code": code, "message": message or code}, status=status)

    def nothing(self, request: web.Request) -> web.Response:
        empty: dict[str, Any] = {"durationMilliseconds": 0, "combinedPhrases": [], "phrases": []}
        return web.json_response(empty)

    async def _transcribe(self, request: web.Request) -> web.Response:
        call: dict[str, Any] = {
            "bytes": 0,
            "sha256": hashlib.sha256().hexdigest(),
            "definition": None,
            "content_type": None,
            "api_version": request.query.get("api-version"),
            "sound": True,
        }
        self.calls.append(call)
        head = b""
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            if part.name == "audio":
                head = await self._hear(part, call)
            elif part.name == "definition":
                call["definition"] = json.loads(await part.text())
        seconds = length_of(head, call["bytes"]) or self.seconds
        if call["definition"] is None:
            return self.refusal(400, "InvalidArgument", "The definition is missing.")
        if not call["bytes"]:
            return self.refusal(400, "InvalidArgument", "The audio is empty.")
        if call["bytes"] >= MAX_BYTES:
            return self.refusal(413, "PayloadTooLarge", "The audio is 250 MB or more.")
        if seconds >= MAX_SECONDS:
            return self.refusal(400, "InvalidArgument", "The audio is two hours or longer.")
        phrases = self._phrases(call["definition"], seconds) if call["sound"] else []
        return web.json_response(self._answer(call["definition"], seconds, phrases))

    async def _hear(self, part: BodyPartReader, call: dict[str, Any]) -> bytes:
        digest, head, kept = hashlib.sha256(), b"", io.BytesIO()
        while chunk := await part.read_chunk(256 * 1024):
            head = head or bytes(chunk[:64])
            digest.update(chunk)
            call["bytes"] += len(chunk)
            if self.listens:
                kept.write(chunk)
        if self.listens:
            call["sound"] = has_sound(kept)
        call.update(sha256=digest.hexdigest(), content_type=part.headers.get("Content-Type"))
        return head

    def _phrases(self, definition: dict[str, Any], seconds: float) -> list[Phrase]:
        if self.phrases is not None:
            return self.phrases
        return list(dialogue(seconds, language=(definition.get("locales") or ["en-US"])[0]))

    def _answer(
        self, definition: dict[str, Any], seconds: float, phrases: list[Phrase]
    ) -> dict[str, Any]:
        locales = definition.get("locales") or ["en-US"]
        tell_speakers = "diarization" in definition
        heard = [each for each in phrases if each.get("status", "Success") == "Success"]
        return {
            "durationMilliseconds": int(seconds * 1000),
            "combinedPhrases": [{"text": " ".join(phrase["text"] for phrase in heard)}],
            "phrases": [self._phrase(phrase, locales[0], tell_speakers) for phrase in heard],
        }

    def _phrase(self, phrase: Phrase, locale: str, tell_speakers: bool) -> dict[str, Any]:
        words = words_of(phrase["text"], phrase["at"], phrase["dur"])
        said = {
            "offsetMilliseconds": phrase["at"],
            "durationMilliseconds": phrase["dur"],
            "text": phrase["text"],
            "locale": phrase.get("lang", locale),
            "confidence": 0.93,
            "words": [
                {"text": word, "offsetMilliseconds": at, "durationMilliseconds": dur}
                for word, at, dur in words
            ],
        }
        if tell_speakers and phrase.get("speaker"):
            said["speaker"] = int(phrase["speaker"].rpartition("-")[2])  # a number here
        return said


def length_of(head: bytes, size: int) -> float:
    """The seconds of a plain WAV of that many bytes, or of a FLAC; 0 for anything else."""
    if head[:4] == b"fLaC" and len(head) >= 26:  # RFC 9639, 8.2: rate, channels, depth, samples
        rate, samples = int.from_bytes(head[18:22], "big") >> 12, int.from_bytes(head[21:26], "big")
        return (samples & (1 << 36) - 1) / max(1, rate)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return 0.0
    return max(0, size - 44) / (int.from_bytes(head[28:32], "little") or 1)


def has_sound(recording: io.BytesIO) -> bool:
    """Tell whether any sample is not 0; what can't be decoded counts as sound."""
    import av

    recording.seek(0)
    try:
        with av.open(recording) as container:
            return any(bytes(frame.planes[0]).strip(b"\0") for frame in container.decode(audio=0))
    except (av.FFmpegError, IndexError):
        return True
