"""The Speech service's websocket, as far as a ConversationTranscriber drives it.

What goes over the wire was measured against the native SDK 1.53; the JSON that we send is what that SDK
accepts, not a recording of the real service. Times on the wire count from the start of a turn, in ticks
of 100 ns. A reconnecting SDK names in speech.context where it goes on (the end of the last final), sends
audio from there and adds that to our offsets: all that is needed to resume.

As the service does, it takes an identity's token as it is at the resource's own domain (/stt/...), and
only as aad#<resource>#<token> at a region's address; `expired` are tokens that are valid no more. Asked to
detect the language at the start, it decides within five seconds for the whole recording, and wrongly if
nobody speaks so soon; what is in another language comes out as words that nobody said. After
`longest_seconds` of a recording it ends the connection.

Faults on "upgrade" are those of every fake (status 401, 403, 429 ...; slow; stall; reset). On "stream"
one is taken per connection, and strikes at `seconds` of audio on that connection:
  reset    RST            eof      FIN without a farewell     close   a close frame (status 1000..4999)
  stall    stops reading  silent   never answers the end of audio
  slow     `seconds` of time for each second of audio
  offsets  every time is wrong by `seconds`                   empty   hears nothing
  error    a final with RecognitionStatus `message` (Error, TooManyRequests ...)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from tests.emulators.fakes import Answer, Fake
from tests.emulators.faults import Fault
from tests.emulators.speech_wire import Conversation
from tests.emulators.talk import Phrase, dialogue


class FakeSpeech(Fake):
    """Hears `phrases`, in the form talk.py tells; without them, dialogue() in the language asked for."""

    key = "speech-key"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.phrases: list[Phrase] | None = None
        self.turn_end_every = 0  # phrases after which a turn ends though audio goes on
        self.silence_every = 15.0  # seconds without words until a NoMatch says so; 0 for never
        self.listens = False  # hears its phrases only once a sample is not 0
        self.expired: set[str] = set()
        self.longest_seconds = 240 * 60.0
        self.upgrades = 0

    @property
    def host(self) -> str:
        """For SpeechConfig(host=...)."""
        return f"ws://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        return {
            "SPEECH_KEY": self.key or "",
            "SPEECH_REGION": "westeurope",
            "THERAPY_SPEECH_ENDPOINT": self.host,
        }

    def clear(self) -> None:
        super().clear()
        self.phrases = None
        self.turn_end_every = 0
        self.silence_every = 15.0
        self.listens = False
        self.expired = set()
        self.longest_seconds = 240 * 60.0
        self.upgrades = 0

    def seen(self) -> dict[str, Any]:
        """Each connection: its query, audio bytes, turns (where they went on from), finals, how it closed."""
        return {
            "upgrades": self.upgrades,
            "audio_bytes": sum(call["audio_bytes"] for call in self.calls),
            "finals": sum(call["finals"] for call in self.calls),
            "connections": list(self.calls),
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/{path:.*}", self._converse)]

    def name_of(self, request: web.Request) -> str:
        return "upgrade"

    async def met(
        self, fault: Fault | None, request: web.Request, answer: Answer
    ) -> web.StreamResponse:
        self.upgrades += 1
        return await super().met(fault, request, answer)

    def welcome(self, request: web.Request) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return super().welcome(request)
        own_domain = request.path.startswith("/stt/")
        return token.startswith("aad#") is not own_domain and token not in self.expired

    def refusal(self, status: int, code: str = "", message: str = "") -> web.Response:
        return web.Response(status=status, text=message)

    def heard_in(self, language: str) -> Iterable[Phrase]:
        return self.phrases if self.phrases is not None else dialogue(language=language)

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/speech/universal/v2"):
            return self.refusal(404)
        socket = web.WebSocketResponse(protocols=("USP",), max_msg_size=0, compress=False)
        await socket.prepare(request)
        record: dict[str, Any] = {
            "query": dict(request.query),
            "authorization": request.headers.get("Authorization", ""),
            "audio_bytes": 0,
            "finals": 0,
            "turns": [],
            "contexts": [],
            "closed": None,
        }
        self.calls.append(record)
        conversation = Conversation(self, request, socket, record, self.faults.take("stream"))
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await conversation.run()
        record["closed"] = socket.close_code
        return socket
