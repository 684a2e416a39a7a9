"""Speech recognition on this machine: Whisper and networks for voices in a child, whose lines it reads.

A child (`recogniser_process`) is started for each recording, fed through a pipe as fast as it reads, and
killed and reaped when the iterator ends, however it ends. It keeps to `limits`, on top of what its
model takes (docs/adr/016-media.md).
"""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import msgspec

from therapy.adapters.child_process.limits import Limits
from therapy.adapters.child_process.parent_side import end_child, ended, kill, start_child
from therapy.adapters.local.speech import process_protocol
from therapy.adapters.local.speech.whisper_weights import ENGLISH_ONLY, chosen_model
from therapy.domain.errors import EngineDied, EngineFailed, LanguageNotSupported, WorkFailed
from therapy.ports.speech import (
    Speech,
    SpeechCheckpoint,
    SpeechDone,
    SpeechEvent,
    SpeechOptions,
    SpeechProgress,
)

CHILD = "therapy.adapters.local.speech.recogniser_process"
LINE_LIMIT = 4 << 20
"""Bytes of the longest message, one utterance with its words."""

LIMITS = Limits(memory=2 << 30, cpu=300, cpu_per_minute=300, silence=600, files=256, writes=True)
"""What a recogniser may take beyond its model: ten times what the multilingual one here takes."""

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    # Else onnxruntime notes each start in the home directory, for Microsoft.
    "ORT_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Return each segment's memory to the system: without these an hour takes 80 MB more, and 30 MB with
    # an arena for each thread.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "16000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000",
}


class WhisperSpeech(Speech):
    """Recognises speech without any cloud.

    `model` is "tiny.en" (English), "base" (multilingual), a directory, or "auto": the first for English,
    the second for other languages.
    `cache` is where "base" is assembled from its parts; `threads` is how many cores it may use, `limits` what
    its process may use beyond the model. One recording is recognised at a time: two would take twice the
    memory and finish no sooner.
    """

    def __init__(
        self,
        *,
        cache: Path,
        model: str = ENGLISH_ONLY,
        threads: int = 2,
        limits: Limits = LIMITS,
    ) -> None:
        self._cache, self._model, self._threads = cache, model, threads
        self._limits = limits
        self._turn = asyncio.Lock()

    async def transcribe(
        self,
        practice_id: str,  # noqa: ARG002 - nothing leaves this machine
        pcm: AsyncIterator[bytes],
        options: SpeechOptions,
    ) -> AsyncGenerator[SpeechEvent, None]:
        chosen_model(self._model, options.languages)  # refuses without starting a process
        async with self._turn:
            child = await self._start()
            watch = _Watch(self._limits.silence)
            feeding = asyncio.create_task(self._feed(child, pcm, options, watch))
            try:
                async for event in _events(child, watch):
                    if isinstance(event, SpeechDone):
                        await (
                            child.wait()
                        )  # it ends by itself: killed now, it might be reaped twice
                        yield event
                        return
                    yield event
                await feeding  # if reading the samples failed, that is the better reason
                raise ended(await child.wait())
            finally:
                await _end(child, feeding)

    async def _start(self) -> Process:
        return await start_child(CHILD, limit=LINE_LIMIT, environment=ENVIRONMENT)

    async def _feed(
        self, child: Process, pcm: AsyncIterator[bytes], options: SpeechOptions, watch: "_Watch"
    ) -> None:
        settings = process_protocol.ChildSettings(
            model=self._model,
            cache=str(self._cache),
            languages=options.languages,
            threads=self._threads,
            parent=os.getpid(),
            limits=self._limits,
            people=options.people,
            checkpoint_ms=options.checkpoint_ms,
            checkpoints=len(options.checkpoints),
        )
        pipe = child.stdin
        if pipe is None:
            raise EngineFailed("engine_failed", reason="no pipe")
        try:
            pipe.write(process_protocol.line(settings))
            for state in options.checkpoints:
                pipe.write(process_protocol.frame(state))
                await pipe.drain()
            async for chunk in pcm:
                if chunk:
                    pipe.write(process_protocol.frame(chunk))
                    await pipe.drain()
                    watch.sign_of_life()
            pipe.write(process_protocol.frame(b""))
            await pipe.drain()
        except ConnectionError:
            return  # the child has ended; its messages, or the lack of any, tell why
        except BaseException:
            kill(child)
            raise


class _Watch:
    """Waits for lines of a child, for `silence` seconds after its last sign of life."""

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._clock: asyncio.Timeout | None = None

    async def line(self, stream: asyncio.StreamReader) -> bytes:
        """Return the next line, b"" at the end.

        Raises:
            EngineDied: there is none in time, or it is longer than any message.
        """
        try:
            async with asyncio.timeout(self._silence) as self._clock:
                return await stream.readline()
        except TimeoutError:
            raise EngineDied(reason="silent") from None
        except ValueError:
            raise EngineDied(reason="protocol") from None
        finally:
            self._clock = None

    def sign_of_life(self) -> None:
        """Note that the child has read something."""
        if self._clock is not None and not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time() + self._silence)


async def _events(child: Process, watch: _Watch) -> AsyncIterator[SpeechEvent]:
    if child.stdout is None:
        return
    while line := await watch.line(child.stdout):
        match _message(line):
            case process_protocol.Progress(ms):
                yield SpeechProgress(ms)
            case process_protocol.Checkpoint(state):
                yield SpeechCheckpoint(state)
            case process_protocol.Recognised(utterance):
                yield utterance
            case process_protocol.Done() as done:
                yield SpeechDone(
                    done.engine,
                    done.language,
                    done.duration_ms,
                    done.coverage,
                    resumed_ms=done.resumed_ms,
                )
            case process_protocol.Failed() as failed:
                raise _error(failed)


def _message(line: bytes) -> process_protocol.Message:
    try:
        message: process_protocol.Message = process_protocol.decode_message(line)
    except msgspec.MsgspecError:
        raise EngineDied(reason="protocol") from None
    return message


def _error(failed: process_protocol.Failed) -> WorkFailed:
    if failed.code == LanguageNotSupported.code:
        return LanguageNotSupported(failed.code, **failed.details)
    if failed.code == EngineDied.code:
        return EngineDied(failed.code)
    return EngineFailed(failed.code, transient=failed.transient, **failed.details)


async def _end(child: Process, feeding: "asyncio.Task[None]") -> None:
    """Stop feeding and end the child; harmless if it has ended."""
    feeding.cancel()
    kill(child)
    try:
        await asyncio.gather(feeding, return_exceptions=True)
    finally:
        await end_child(child)
