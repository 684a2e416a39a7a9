"""Recognition by Azure's conversation transcriber: samples in as it pulls them, utterances out.

It recognises at up to twice the speed of speech. If the connection drops, the SDK resumes from the last
final result; where the SDK would wait forever, we have our own deadlines.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from therapy.adapters.azure.speech.connection import Deadlines, SpeechAccess
from therapy.adapters.azure.speech.conversation_transcriber import Transcriber
from therapy.adapters.azure.speech.errors import note_charge
from therapy.adapters.azure.speech.recognised_phrases import (
    Final,
    Queue,
    from_conversation,
    most_spoken,
)
from therapy.domain.errors import EngineFailed
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import SpeechCharge, SpeechDone, SpeechEvent, SpeechProgress

NAME = "azure-conversation"

CHECKS_PER_DEADLINE = 4


async def listen(
    access: SpeechAccess,
    pcm: AsyncIterator[bytes],
    locales: tuple[str, ...],
    deadlines: Deadlines,
) -> AsyncGenerator[SpeechEvent, None]:
    """Yield what `Speech.transcribe` promises, from the conversation transcriber."""
    first = await _first(pcm)
    if not first:
        yield SpeechDone(NAME, "", 0)
        return
    authorization = await access.authorization()
    yield SpeechCharge()
    transcriber = Transcriber(access, locales, authorization)
    talk = _Talk(transcriber, pcm, locales)
    tasks = [asyncio.create_task(talk.feed(first))]
    if authorization:
        tasks.append(asyncio.create_task(_renew(transcriber, access, deadlines.renewal)))
    try:
        await transcriber.start()
        while (final := await _next(transcriber, deadlines)) is not None:
            for event in talk.events(final):
                yield event
        for utterance in talk.rest():
            yield utterance
        yield talk.done()
    except EngineFailed as exc:
        note_charge(exc, NAME, charged=transcriber.connected)
        raise
    finally:
        for task in tasks:
            task.cancel()
        try:
            await transcriber.close()
        finally:
            await asyncio.wait(tasks)


async def _first(pcm: AsyncIterator[bytes]) -> bytes:
    async for chunk in pcm:
        if chunk:
            return chunk
    return b""


class _Talk:
    """What has been fed and recognised so far."""

    def __init__(
        self, transcriber: Transcriber, pcm: AsyncIterator[bytes], locales: tuple[str, ...]
    ) -> None:
        self._transcriber, self._pcm, self._locales = transcriber, pcm, locales
        self._fed = self._recognised_ms = 0
        self._queue = Queue()
        self._spoken: list[tuple[str, int]] = []

    @property
    def _fed_ms(self) -> int:
        return self._fed // BYTES_PER_MS

    async def feed(self, first: bytes) -> None:
        """Pass on all samples, as fast as they are taken; if reading them fails, end the recognition."""
        try:
            if not await self._write(first):
                return
            async for chunk in self._pcm:
                if chunk and not await self._write(chunk):
                    return
            self._transcriber.samples.end()
        except asyncio.CancelledError:
            raise
        except BaseException as exc:  # noqa: BLE001 - raised again where the events are read
            self._transcriber.fail(exc)

    async def _write(self, chunk: bytes) -> bool:
        self._fed += len(chunk)
        return await self._transcriber.write(chunk)

    def events(self, final: Final) -> list[SpeechEvent]:
        """Return the events of a final result: utterances that are next in order, and progress."""
        events: list[SpeechEvent] = []
        utterance, language = from_conversation(final, self._fed_ms)
        if utterance.text:
            if len(self._locales) == 1:
                language = self._locales[0]
            self._spoken.append((language, utterance.end_ms - utterance.start_ms))
            events += self._queue.put(utterance)
        if utterance.end_ms > self._recognised_ms:
            self._recognised_ms = utterance.end_ms
            events.append(SpeechProgress(self._recognised_ms))
        return events

    def rest(self) -> list[SpeechEvent]:
        return [*self._queue.rest()]

    def done(self) -> SpeechDone:
        return SpeechDone(NAME, most_spoken(self._spoken, self._locales), self._fed_ms)


async def _next(transcriber: Transcriber, deadlines: Deadlines) -> Final | None:
    """Return the next final result, waiting as long as there are signs of life; None at the end.

    Raises:
        EngineFailed: the recognition failed, or there was no sign of life for too long.
    """
    while True:
        limit = deadlines.ending if transcriber.samples.drained else deadlines.talking
        try:
            async with asyncio.timeout(limit / CHECKS_PER_DEADLINE):
                found = await transcriber.next()
        except TimeoutError:
            _check_life(transcriber, limit)
            continue
        if isinstance(found, BaseException):
            raise found
        return found


def _check_life(transcriber: Transcriber, limit: float) -> None:
    now = asyncio.get_running_loop().time()
    if transcriber.samples.waiting:
        transcriber.alive_at = now  # the service is waiting for the recording
    elif now - transcriber.alive_at > limit:
        raise EngineFailed(reason="silent", transient=True)


async def _renew(transcriber: Transcriber, access: SpeechAccess, every: float) -> None:
    """Renew the token regularly. If that fails, the next time may do: the old token may still be valid."""
    while True:
        await asyncio.sleep(every)
        with suppress(EngineFailed):
            transcriber.authorize(await access.authorization())
