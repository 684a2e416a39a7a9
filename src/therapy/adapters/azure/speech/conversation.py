"""Recognition by Azure's conversation transcriber: samples in as it pulls them, utterances out.

It recognises at up to twice the speed of speech. If the connection drops, the SDK resumes from the last
final result; where the SDK would wait forever, we have our own deadlines. A later try goes on from the last
checkpoint (`conversation_checkpoints`).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from msgspec.structs import replace

from therapy.adapters.azure.speech.connection import Deadlines, SpeechAccess
from therapy.adapters.azure.speech.conversation_checkpoints import (
    Earlier,
    Settled,
    Spoken,
    Voices,
    earlier,
    middle,
)
from therapy.adapters.azure.speech.conversation_transcriber import Transcriber
from therapy.adapters.azure.speech.errors import note_charge
from therapy.adapters.azure.speech.recognised_phrases import (
    TICKS_PER_MS,
    Final,
    Queue,
    from_conversation,
    most_spoken,
)
from therapy.domain.errors import EngineFailed
from therapy.domain.transcript import Utterance
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import (
    SpeechCharge,
    SpeechCheckpoint,
    SpeechDone,
    SpeechEvent,
    SpeechOptions,
    SpeechProgress,
)

NAME = "azure-conversation"

CHECKS_PER_DEADLINE = 4


async def listen(
    access: SpeechAccess,
    pcm: AsyncIterator[bytes],
    locales: tuple[str, ...],
    deadlines: Deadlines,
    options: SpeechOptions,
) -> AsyncGenerator[SpeechEvent, None]:
    """Yield what `Speech.transcribe` promises, from the conversation transcriber."""
    before = earlier(options.checkpoints, locales)
    pcm = _Rest(pcm, before.begin_ms * BYTES_PER_MS)
    first = await _first(pcm)
    if not first:
        for known in before.utterances:
            yield known
        language = most_spoken(before.spoken, locales)
        yield SpeechDone(NAME, language, pcm.skipped // BYTES_PER_MS, resumed_ms=before.begin_ms)
        return
    authorization = await access.authorization()
    yield SpeechCharge()
    transcriber = Transcriber(access, locales, authorization, options.hints)
    talk = _Talk(transcriber, pcm, locales, before, options)
    tasks = [asyncio.create_task(talk.feed(first))]
    if authorization:
        tasks.append(asyncio.create_task(_renew(transcriber, access, deadlines.renewal)))
    try:
        for event in talk.before():
            yield event
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


class _Rest(AsyncIterator[bytes]):
    """The samples after the first `skip` bytes; `skipped` is how many of those there were."""

    def __init__(self, pcm: AsyncIterator[bytes], skip: int) -> None:
        self._pcm, self._left, self.skipped = pcm, skip, 0

    async def __anext__(self) -> bytes:
        chunk = await anext(self._pcm)
        skip = min(self._left, len(chunk))
        self._left, self.skipped = self._left - skip, self.skipped + skip
        return chunk[skip:]


class _Talk:
    """What has been fed and recognised so far, and what was `earlier`."""

    def __init__(
        self,
        transcriber: Transcriber,
        pcm: AsyncIterator[bytes],
        locales: tuple[str, ...],
        earlier: Earlier,
        options: SpeechOptions,
    ) -> None:
        self._transcriber, self._pcm, self._locales = transcriber, pcm, locales
        self._earlier, self._voices = earlier, Voices(earlier, options.people)
        self._settled = Settled(earlier.until_ms, locales, options.checkpoint_ms)
        self._fed, self._recognised_ms = earlier.begin_ms * BYTES_PER_MS, earlier.until_ms
        self._queue = Queue()
        self._spoken: list[Spoken] = [*earlier.spoken]

    def before(self) -> list[SpeechEvent]:
        """Return the events of what was recognised earlier, as far as nothing can precede it."""
        first = [SpeechProgress(self._recognised_ms)] if self._recognised_ms else []
        return [
            *first,
            *(known for each in self._earlier.utterances for known in self._queue.put(each)),
        ]

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
        since = self._earlier.begin_ms * TICKS_PER_MS
        final = replace(final, start_ticks=final.start_ticks + since)
        utterance, language = from_conversation(final, self._fed_ms)
        if utterance.text and middle(utterance) < self._earlier.until_ms:
            self._voices.hear_again(utterance)
        elif utterance.text:
            utterance = replace(utterance, voice=self._voices.name(utterance.voice))
            events += self._queue.put(self._noted(utterance, language))
        if utterance.end_ms > self._recognised_ms:
            self._recognised_ms = utterance.end_ms
            events.append(SpeechProgress(self._recognised_ms))
            if state := self._settled.complete(self._recognised_ms):
                events.append(SpeechCheckpoint(state))
        return events

    def _noted(self, utterance: Utterance, language: str) -> Utterance:
        if len(self._locales) == 1:
            language = self._locales[0]
        spoken = language, utterance.end_ms - utterance.start_ms
        self._spoken.append(spoken)
        self._settled.add(utterance, spoken)
        return utterance

    def rest(self) -> list[SpeechEvent]:
        return [*self._queue.rest()]

    def done(self) -> SpeechDone:
        language = most_spoken(self._spoken, self._locales)
        return SpeechDone(NAME, language, self._fed_ms, resumed_ms=self._earlier.begin_ms)


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
