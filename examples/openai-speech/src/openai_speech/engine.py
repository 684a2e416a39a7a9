"""The engine: a recording goes out as it is read, what was said comes back.

Nothing is sent a second time from here: the samples are gone by then. What may pass is raised as such, and
the run tries again from the recording.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
from msgspec import Struct

from openai_speech.answers import Answer, decoded, utterances_in
from openai_speech.languages import codes_of, tag_of
from openai_speech.upload import BYTES_PER_MS, Form, Pieces
from therapy.domain.errors import EngineFailed
from therapy.domain.transcript import Utterance
from therapy.ports.speech import Speech, SpeechDone, SpeechEvent, SpeechOptions, SpeechProgress

PASSING = frozenset({408, 409, 425, 429})
"""Statuses, beside 5xx, after which the same may succeed later."""


class Server(Struct, frozen=True, kw_only=True):
    """Where the server is and what it is asked. `max_bytes` is what it takes in one request."""

    url: str
    key: str = ""
    model: str = "whisper-1"
    form: str = "verbose_json"
    max_bytes: int = 25_000_000
    timeout_seconds: int = 600

    def __repr__(self) -> str:
        return f"Server({self.url!r}, model={self.model!r})"


class OpenAiSpeech(Speech):
    """`Speech` by a server with OpenAI's `/audio/transcriptions`.

    Voices are told apart where the server does: with `diarized_json`, or a speaker in its segments or words.
    What has been taken by the server counts as heard, because that is all it says before it answers.
    """

    def __init__(self, server: Server, client: httpx.AsyncClient) -> None:
        self._server, self._client = server, client

    async def check(self) -> None:
        """Ask for the list of models, which costs nothing.

        Raises:
            EngineFailed: it does not answer, or not us.
        """
        try:
            answer = await self._client.get(f"{self._server.url}/models")
        except httpx.HTTPError as exc:
            raise EngineFailed(reason=type(exc).__name__) from exc
        if answer.status_code != httpx.codes.NOT_FOUND:  # not every server has that list
            _raise_for(answer.status_code)

    async def transcribe(
        self,
        practice_id: str,  # noqa: ARG002 - the server is told nothing of whose recording it is
        pcm: AsyncIterator[bytes],
        options: SpeechOptions,
    ) -> AsyncGenerator[SpeechEvent, None]:
        asked = codes_of(options.languages)
        pieces = Pieces(pcm, self._server.max_bytes)
        spoken, begin, number = Counter[str](), 0, 0
        while await pieces.more():
            number += 1
            sent: asyncio.Queue[int | None] = asyncio.Queue()
            asking = asyncio.create_task(self._ask(pieces, sent, tuple(asked)))
            try:
                while (processed_ms := await sent.get()) is not None:
                    yield SpeechProgress(processed_ms)
                answer = await asking
            finally:
                await _ended(asking)
            end = pieces.read_bytes // BYTES_PER_MS
            said = utterances_in(answer, begin, end, f"{number}-" if number > 1 else "")
            for utterance in said:
                yield utterance
            spoken[tag_of(answer.language or "", asked)] += _length(said)
            begin = end
        heard = [language for language, length in spoken.most_common() if length and language]
        yield SpeechDone(self._server.model, heard[0] if heard else "", begin)

    async def _ask(
        self, pieces: Pieces, sent: "asyncio.Queue[int | None]", languages: tuple[str, ...]
    ) -> Answer:
        """Send the next piece, tell how far it got, and return the answer."""

        async def samples() -> AsyncIterator[bytes]:
            async for chunk in pieces.piece():
                yield chunk
                sent.put_nowait(pieces.read_bytes // BYTES_PER_MS)

        form = Form(self._fields(languages))
        try:
            response = await self._client.post(
                f"{self._server.url}/audio/transcriptions",
                content=form.body(samples()),
                headers={"Content-Type": form.content_type},
            )
        except httpx.HTTPError as exc:
            raise EngineFailed(reason=type(exc).__name__) from exc
        finally:
            sent.put_nowait(None)
        _raise_for(response.status_code)
        return decoded(response.content)

    def _fields(self, languages: tuple[str, ...]) -> dict[str, str | tuple[str, ...]]:
        fields: dict[str, str | tuple[str, ...]] = {
            "model": self._server.model,
            "response_format": self._server.form,
        }
        if self._server.form == "verbose_json":
            fields["timestamp_granularities[]"] = ("word", "segment")
        if self._server.form == "diarized_json":
            fields["chunking_strategy"] = "auto"  # asked for beyond 30 seconds
        if len(languages) == 1:  # of several, the server finds out by itself
            fields["language"] = languages[0]
        return fields


def _raise_for(status: int) -> None:
    """Raise what a status means; what the server says with it may quote the recording or the key."""
    if not 200 <= status < 300:
        passing = status in PASSING or status >= 500
        raise EngineFailed(transient=passing, reason="status", status=status)


async def _ended(asking: "asyncio.Task[Answer]") -> None:
    """End the request, whatever it is at; what it raised has been raised, or nobody waits for it."""
    asking.cancel()
    await asyncio.wait([asking])
    if not asking.cancelled():
        asking.exception()


def _length(said: tuple[Utterance, ...]) -> int:
    return sum(max(1, each.end_ms - each.start_ms) for each in said)
