"""The Speech SDK's ConversationTranscriber, made usable from the event loop.

The rules of this file, each learnt from the native library (1.53):
- the SDK pulls samples from a bounded buffer; its push stream would accept any amount at once;
- a callback copies plain values, posts them to the loop and returns;
- the first terminal event counts; the SDK may report more afterwards;
- stopping, and dropping the last reference, may each take seconds: one worker thread does both, even if the
  task that asked for it is cancelled. A process that ends while callbacks are connected is aborted, so this
  also happens at exit;
- its texts quote what was said and the address it was sent to, so only the names of codes leave this file.
"""

import asyncio
import atexit
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import azure.cognitiveservices.speech as sdk

from therapy.adapters.azure.speech.connection import SpeechAccess, TokensOfLoop
from therapy.adapters.azure.speech.errors import canceled
from therapy.adapters.azure.speech.recognised_phrases import Final
from therapy.domain.errors import EngineFailed
from therapy.ports.audio import BYTES_PER_MS, SAMPLE_RATE

BUFFER_BYTES = 4_000 * BYTES_PER_MS
"""Bytes that may wait for the SDK: four seconds, plus what one chunk may exceed that."""

STOP_SECONDS = "1"
"""How long the SDK waits for a server that does not answer, at a stop and again at the release.

Its own default is ten. If the server answers, both take a tenth of a second.
"""


class Samples(sdk.audio.PullAudioInputStreamCallback):  # type: ignore[misc] # the SDK ships no types
    """The stream from which the SDK reads samples, in a thread of its own: it may block, but never raise."""

    def __init__(self, on_room: Callable[[], None], on_drained: Callable[[], None]) -> None:
        super().__init__()
        self._on_room, self._on_drained = on_room, on_drained
        self._changed = threading.Condition()
        self._chunks: deque[memoryview] = deque()
        self._buffered = 0
        self._full = self._ended = self._aborted = False
        self.waiting = False
        """Whether the SDK is waiting for samples."""
        self.drained = False
        """Whether the SDK has been told that there are no more."""

    def put(self, chunk: bytes) -> bool:
        """Add a chunk; return False if the caller should wait for room before the next one."""
        with self._changed:
            self._chunks.append(memoryview(chunk))
            self._buffered += len(chunk)
            self._full = self._buffered >= BUFFER_BYTES
            self.waiting = False
            self._changed.notify_all()
            return not self._full

    def end(self) -> None:
        """Note that no more samples will come."""
        with self._changed:
            self._ended = True
            self.waiting = False
            self._changed.notify_all()

    def abort(self) -> None:
        """Drop what is buffered, and wake the SDK."""
        with self._changed:
            self._aborted = True
            self._chunks.clear()
            self._changed.notify_all()

    def read(self, view: memoryview) -> int:
        """Fill `view` with the samples that there are; return how many bytes, 0 at the end."""
        with self._changed:
            while not (self._chunks or self._ended or self._aborted):
                self.waiting = True
                self._changed.wait()
            done = self._take(view)
            if done == 0 and not self._aborted and not self.drained:
                self.drained = True
                self._on_drained()
            room = self._full and self._buffered < BUFFER_BYTES // 2
            self._full = self._full and not room
        if room:
            self._on_room()
        return done

    def _take(self, view: memoryview) -> int:
        done = 0
        while self._chunks and done < len(view):
            head = self._chunks[0]
            length = min(len(head), len(view) - done)
            view[done : done + length] = head[:length]
            done += length
            if length == len(head):
                self._chunks.popleft()
            else:
                self._chunks[0] = head[length:]
        self._buffered -= done
        return done


class Transcriber:
    """The recognition of one recording. Its methods are called on the event loop."""

    def __init__(
        self,
        access: SpeechAccess,
        locales: tuple[str, ...],
        authorization: str,
        hints: tuple[str, ...] = (),
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._finals: asyncio.Queue[Final | BaseException | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self._over = self._closing = self._whole = False
        self.alive_at = self._loop.time()
        """When the SDK last reported anything, or took the last samples."""
        self.connected = False
        """Whether the service has let us in: from then on it hears the recording, and charges for it."""
        self.samples = Samples(lambda: self._post(self._room.set), lambda: self._post(self._alive))
        self._native = _Native(access, locales, authorization, self, hints)

    async def start(self) -> None:
        """Start the recognition. Connecting goes on in the background.

        Raises:
            EngineFailed: the settings are refused, or the native library doesn't work here.
        """
        try:
            await asyncio.to_thread(self._native.begin)
        except ValueError:
            raise EngineFailed(reason="settings", transient=False) from None
        except RuntimeError:  # its text is a native call stack
            raise EngineFailed(reason="native", transient=True) from None

    async def write(self, chunk: bytes) -> bool:
        """Pass samples on once there is room; return False if the recognition has ended."""
        await self._room.wait()
        if self._over:
            return False
        if not self.samples.put(chunk):
            self._room.clear()
        return True

    async def next(self) -> Final | BaseException | None:
        """Return the next final result; at the end None if all went well, else an error."""
        return await self._finals.get()

    def fail(self, exc: BaseException) -> None:
        """End the recognition with `exc`, unless it has ended."""
        if not self._over:
            self._over = True
            self._room.set()
            self._finals.put_nowait(exc)

    def authorize(self, authorization: str) -> None:
        """Use a new token from the next connection on."""
        self._native.authorize(authorization)

    async def close(self) -> None:
        """Stop the SDK, whatever it is doing, and free its threads. Harmless when repeated."""
        self._closing = True
        self._over = True
        self._room.set()
        self.samples.abort()
        await asyncio.to_thread(self._native.end)

    # --- called on the SDK's thread: copy, post, return ------------------------------------------

    def on_connected(self, _: object) -> None:
        self._post(self._connected)

    def on_alive(self, _: object) -> None:
        self._post(self._alive)

    def on_final(self, event: Any) -> None:
        result = event.result
        recognised = result.reason is sdk.ResultReason.RecognizedSpeech
        language = sdk.PropertyId.SpeechServiceConnection_AutoDetectSourceLanguageResult
        final = Final(
            start_ticks=int(result.offset),
            duration_ticks=int(result.duration),
            text=result.text if recognised else "",
            voice=result.speaker_id or "",
            language=result.properties.get(language) or "",
            body=result.json if recognised else "",
        )
        self._post(self._add_final, final)

    def on_canceled(self, event: Any) -> None:
        details = event.cancellation_details
        if details.reason is sdk.CancellationReason.EndOfStream:
            self._post(self._reached_end)
        elif details.reason is sdk.CancellationReason.Error:
            self._post(self.fail, canceled(details.code.name))

    def on_stopped(self, _: object) -> None:
        self._post(self._stopped)

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            return  # the loop is closed: nobody is waiting

    # --- on the event loop -----------------------------------------------------------------------

    def _connected(self) -> None:
        self.connected = True
        self._alive()

    def _alive(self) -> None:
        self.alive_at = self._loop.time()

    def _add_final(self, final: Final) -> None:
        self._alive()
        if not self._over:
            self._finals.put_nowait(final)

    def _reached_end(self) -> None:
        """Note the end of the audio. The SDK reports it after a stop halfway, too: that is not success."""
        self._alive()
        self._whole = self.samples.drained and not self._closing

    def _stopped(self) -> None:
        if self._over:
            return
        if self._whole:
            self._over = True
            self._room.set()
            self._finals.put_nowait(None)
        else:
            self.fail(EngineFailed(reason="stopped", transient=True))


class _Native:
    """The SDK's objects: created, started, stopped and dropped in worker threads only."""

    def __init__(
        self,
        access: SpeechAccess,
        locales: tuple[str, ...],
        authorization: str,
        listener: Transcriber,
        hints: tuple[str, ...],
    ) -> None:
        self._access, self._locales, self._hints = access, locales, hints
        self._authorization = authorization
        self._listener: Transcriber | None = listener
        self._lock = threading.Lock()
        self._recognizer: Any = None
        self._stream: Any = None
        self._connection: Any = None
        self._tokens = TokensOfLoop(access.credential) if access.credential else None

    def begin(self) -> None:
        with self._lock:
            if self._listener is None:
                return  # ended before it began
            self._stream = sdk.audio.PullAudioInputStream(
                self._listener.samples, sdk.audio.AudioStreamFormat(SAMPLE_RATE, 16, 1)
            )
            self._recognizer = self._make()
            if self._hints:
                expected = sdk.PhraseListGrammar.from_recognizer(self._recognizer)
                for each in self._hints:
                    expected.addPhrase(each)
            atexit.register(self.end)
            self._connection = sdk.Connection.from_recognizer(self._recognizer)
            self._connection.connected.connect(self._listener.on_connected)
            self._recognizer.transcribing.connect(self._listener.on_alive)
            self._recognizer.transcribed.connect(self._listener.on_final)
            self._recognizer.canceled.connect(self._listener.on_canceled)
            self._recognizer.session_stopped.connect(self._listener.on_stopped)
            self._recognizer.start_transcribing_async().get()

    def _make(self) -> Any:
        config = _config(self._access, self._authorization, self._tokens)
        audio = sdk.audio.AudioConfig(stream=self._stream)
        if len(self._locales) == 1:
            return sdk.transcription.ConversationTranscriber(
                config, audio, language=self._locales[0]
            )
        config.set_property(sdk.PropertyId.SpeechServiceConnection_LanguageIdMode, "Continuous")
        return sdk.transcription.ConversationTranscriber(
            config,
            audio,
            auto_detect_source_language_config=sdk.languageconfig.AutoDetectSourceLanguageConfig(
                languages=list(self._locales)
            ),
        )

    def authorize(self, authorization: str) -> None:
        if self._recognizer is not None:  # its own property of this name raises AttributeError
            self._recognizer.properties.set_property(
                sdk.PropertyId.SpeechServiceAuthorization_Token, authorization
            )

    def end(self) -> None:
        """Stop, disconnect and release, in this order; the stream comes last, as the SDK reads from it."""
        with self._lock:
            listener, self._listener = self._listener, None
            if listener is None or self._recognizer is None:
                return
            listener.samples.abort()
            try:
                self._recognizer.stop_transcribing_async().get()
            except RuntimeError:
                pass  # there was nothing left to stop
            finally:
                for signal in ("transcribing", "transcribed", "canceled", "session_stopped"):
                    getattr(self._recognizer, signal).disconnect_all()
                self._connection.connected.disconnect_all()
                self._connection = None
                self._recognizer = None
                self._stream = None
                atexit.unregister(self.end)


def _config(access: SpeechAccess, authorization: str, tokens: TokensOfLoop | None = None) -> Any:
    key = access.key or None
    if access.by_token:
        config = sdk.SpeechConfig(endpoint=access.endpoint or access.host, token_credential=tokens)
    elif access.host:
        config = sdk.SpeechConfig(host=access.host, subscription=key)
    elif access.endpoint:
        config = sdk.SpeechConfig(endpoint=access.endpoint, subscription=key)
    elif authorization:
        config = sdk.SpeechConfig(auth_token=authorization, region=access.region)
    else:
        config = sdk.SpeechConfig(subscription=key, region=access.region)
    config.request_word_level_timestamps()
    # The only way to ask for it: github.com/Azure-Samples/cognitive-services-speech-sdk, issue 1438.
    by_query = sdk.ServicePropertyChannel.UriQueryParameter
    config.set_service_property("wordLevelConfidence", "true", by_query)
    config.set_profanity(sdk.ProfanityOption.Raw)
    config.set_property_by_name("SPEECH-StopRecognitionTimeoutInSeconds", STOP_SECONDS)
    for name, value in access.properties.items():
        config.set_property_by_name(name, value)
    return config
