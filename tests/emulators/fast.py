"""Fast Transcription: POST /speechtotext/transcriptions:transcribe, one request, one answer.

Without a script it hears dialogue() for as long as the recording lasts: by its header where it is a WAV
or a FLAC, else `seconds`. Audio is counted and hashed, never kept. No audio is a 400, because the SDK's
own retry sends none the second time and must not be taken for a success. Faults go by "transcribe".

As the service does, it chooses one of several languages for the whole recording: the one spoken for at
least `dominant` of the time; if there is none it answers 422, and 422 if nobody speaks. What is said in
another language than the chosen one comes out as words that nobody said. An identity's token is let in at
the resource's own domain only, which this is unless `own_domain` is false.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from typing import Any

from aiohttp import BodyPartReader, web

from tests.emulators.fakes import Fake
from tests.emulators.talk import Phrase, dialogue, language_of, misheard, words_of

MAX_BYTES = 300_000_000
MAX_SECONDS = 2 * 60 * 60
"""Of Microsoft's page of quotas; that of the REST API has 500 MB and five hours."""
CODES = {401: "Unauthorized", 403: "Forbidden", 429: "TooManyRequests", 503: "ServiceUnavailable"}


class FakeFast(Fake):
    """Hears `phrases`, in the form talk.py tells; each call is recorded with its bytes and definition."""

    key = "speech-key"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.phrases: list[Phrase] | None = None
        self.seconds = 60.0
        self.works_for = 0.0  # seconds between the whole recording and the answer
        self.own_domain = True
        self.most_bytes = MAX_BYTES
        self.dominant = 0.75
        self.listens = False  # decodes what it is sent, and has no phrases for silence

    def settings(self) -> dict[str, str]:
        return {"THERAPY_FAST_TRANSCRIPTION_ENDPOINT": self.url}

    def clear(self) -> None:
        super().clear()
        self.phrases = None
        self.seconds = 60.0
        self.works_for = 0.0
        self.own_domain = True
        self.most_bytes = MAX_BYTES
        self.dominant = 0.75
        self.listens = False

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/speechtotext/transcriptions:transcribe", self._transcribe)]

    def name_of(self, request: web.Request) -> str:
        return "transcribe"

    def refusal(self, status: int, code: str = "", message: str = "") -> web.Response:
        code = code or CODES.get(status, "InternalServerError")
        return web.json_response({"code": code, "message": message or code}, status=status)

    def welcome(self, request: web.Request) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return super().welcome(request) and not (
            token and (not self.own_domain or token.startswith("aad#"))
        )

    def refused_audio(self, status: int, inner: str, message: str) -> web.Response:
        """An error about the recording, in the form in which the service sends it: flat."""
        code = "InvalidArgument" if status == 400 else "UnprocessableEntity"
        body = {"code": code, "message": message, "innerError": {"code": inner, "message": message}}
        return web.json_response(body, status=status)

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
            return self.refused_audio(400, "EmptyAudioFile", "The audio is empty.")
        if call["bytes"] >= self.most_bytes:
            return self.refusal(413, "PayloadTooLarge", "The audio is 300 MB or more.")
        if seconds >= MAX_SECONDS:
            return self.refused_audio(422, "AudioLengthLimitExceeded", "Two hours or longer.")
        await asyncio.sleep(self.works_for)
        phrases = self._phrases(call["definition"], seconds) if call["sound"] else []
        return self._answer(call["definition"], seconds, phrases)

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
    ) -> web.Response:
        locales = definition.get("locales") or ["en-US"]
        tell_speakers = "diarization" in definition
        heard = [each for each in phrases if each.get("status", "Success") == "Success"]
        locale = locales[0]
        if len(locales) > 1:
            if not heard:
                message = "No language was identified."
                return self.refused_audio(422, "NoLanguageIdentified", message)
            locale, share = main_language(heard, locales)
            if share < self.dominant:
                message = "Multiple languages were identified. A single dominant language could not"
                return self.refused_audio(422, "MultipleLanguagesIdentified", message)
        told = [self._phrase(phrase, locale, tell_speakers) for phrase in heard]
        answer = {
            "durationMilliseconds": int(seconds * 1000),
            "combinedPhrases": [{"text": " ".join(each["text"] for each in told)}],
            "phrases": told,
        }
        return web.json_response(answer)

    def _phrase(self, phrase: Phrase, locale: str, tell_speakers: bool) -> dict[str, Any]:
        right = language_of(phrase, [locale]) == locale
        text = phrase["text"] if right else misheard(phrase["text"])
        words = words_of(text, phrase["at"], phrase["dur"])
        said = {
            "offsetMilliseconds": phrase["at"],
            "durationMilliseconds": phrase["dur"],
            "text": text,
            "locale": locale,
            "confidence": 0.93 if right else 0.45,
            "words": [
                {"text": word, "offsetMilliseconds": at, "durationMilliseconds": dur}
                for word, at, dur in words
            ],
        }
        if tell_speakers and phrase.get("speaker"):
            said["speaker"] = int(phrase["speaker"].rpartition("-")[2])  # a number here
        return said


def main_language(phrases: list[Phrase], among: list[str]) -> tuple[str, float]:
    """The language that is spoken longest, and its share of the time; another counts as the first."""
    times = dict.fromkeys(among, 0)
    for each in phrases:
        times[language_of(each, among) or among[0]] += each["dur"]
    most = max(times, key=times.__getitem__)
    return most, times[most] / max(1, sum(times.values()))


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
