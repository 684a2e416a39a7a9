"""One websocket of the fake Speech service: messages in and out, turns, and the fault that strikes it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.emulators.faults import Fault
from tests.emulators.talk import Phrase, language_of, misheard, words_of
from tests.emulators.threaded import reset

if TYPE_CHECKING:
    from tests.emulators.speech import FakeSpeech

TICKS = 10_000  # in a millisecond
DECIDES_WITHIN_MS = 5_000
RIFF_BYTES = 44
BYTE_RATE = 32_000  # 16 kHz, 16 bits, mono; the header of a turn may say otherwise


def headers_of(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in text.split("\r\n") if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


@dataclasses.dataclass
class Turn:
    """What the SDK opens with an X-RequestId of its own: audio from `start` ms of the recording on."""

    id: str
    start: float
    phrases: Iterator[Phrase]
    record: dict[str, Any]
    byte_rate: int = BYTE_RATE
    audio: int = 0
    told: int = 0
    last_end: float = 0.0
    open: bool = True
    sound: bool = False
    pending: Phrase | None = None

    @property
    def heard_until(self) -> float:
        """Milliseconds of the recording that have been heard."""
        return self.start + self.audio * 1000 / self.byte_rate

    def next(self) -> Phrase | None:
        """The next phrase that was not over before this turn began; stays until it is taken."""
        while self.pending is None:
            phrase = next(self.phrases, None)
            if phrase is None:
                return None
            if phrase["at"] + phrase["dur"] > self.start:
                self.pending = phrase
        return self.pending


class Conversation:
    """A connection from its upgrade to its end."""

    def __init__(
        self,
        fake: FakeSpeech,
        request: web.Request,
        socket: web.WebSocketResponse,
        record: dict[str, Any],
        fault: Fault | None,
    ) -> None:
        self.fake, self.request, self.socket, self.record = fake, request, socket, record
        self.fault = fault
        self.strike = fault.kind if fault else ""
        self.context: dict[str, Any] = {}
        self.turn: Turn | None = None
        self.pace = time.monotonic()
        query = request.query
        self.detailed = query.get("format") == "detailed"
        self.word_times = query.get("wordLevelTimestamps") == "true"

    async def run(self) -> None:
        async for message in self.socket:
            if message.type == WSMsgType.TEXT:
                self._read_text(message.data)
            elif message.type == WSMsgType.BINARY and not await self._read_audio(message.data):
                break

    def _read_text(self, text: str) -> None:
        head, _, body = text.partition("\r\n\r\n")
        if headers_of(head).get("path") == "speech.context":
            self.context = json.loads(body)
            self.record["contexts"].append(self.context)

    async def _read_audio(self, data: bytes) -> bool:
        """One audio message; False when the connection is over."""
        length = int.from_bytes(data[:2], "big")
        headers, payload = headers_of(data[2 : 2 + length].decode()), data[2 + length :]
        if headers.get("path", "").lower() != "audio":
            return True
        ended = not payload  # an empty message is the end of the recording
        if self.turn is None or self.turn.id != headers["x-requestid"]:
            self.turn = await self._open_turn(headers["x-requestid"])
        turn = self.turn
        if payload[:4] == b"RIFF":
            turn.byte_rate = int.from_bytes(payload[28:32], "little") or BYTE_RATE
            payload = payload[RIFF_BYTES:]
        turn.audio += len(payload)
        turn.sound = turn.sound or not self.fake.listens or bool(payload.strip(b"\0"))
        turn.record["audio_bytes"] = turn.audio
        self.record["audio_bytes"] += len(payload)
        if await self._struck(len(payload), turn):
            return False
        if turn.heard_until > self.fake.longest_seconds * 1000:
            await self.socket.close(code=1007, message=b"The audio is too long.")
            return False
        await self._tell(turn, ended=ended)
        return True

    async def _open_turn(self, name: str) -> Turn:
        start = self._goes_on_from()
        record = {"from_ms": start, "audio_bytes": 0}
        self.record["turns"].append(record)
        phrases = () if self.strike == "empty" else self.fake.heard_in(self._language())
        turn = Turn(name, start, iter(phrases), record, last_end=start)
        await self._send(turn, "turn.start", {"context": {"serviceTag": uuid.uuid4().hex}})
        await self._send(turn, "speech.startDetected", {"Offset": 0})
        return turn

    def _goes_on_from(self) -> float:
        streams = self.context.get("continuation", {}).get("audio", {}).get("streams", {})
        return float(streams.get("1", {}).get("offset", 0)) / TICKS

    def _language(self) -> str:
        detected = self.context.get("languageId", {}).get("languages", [])
        fixed = self.context.get("phraseDetection", {}).get("language")
        return fixed or (detected[0] if detected else self.request.query.get("language", "en-US"))

    # faults

    async def _struck(self, size: int, turn: Turn) -> bool:
        """Let the fault happen if it is time; True when the connection is over."""
        if self.fault is None:
            return False
        if self.strike == "slow":
            due = self.pace + size / turn.byte_rate * self.fault.seconds
            self.pace = max(due, time.monotonic() - 0.05)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            return False
        if self.record["audio_bytes"] < self.fault.seconds * turn.byte_rate:
            return False
        match self.strike:
            case "reset":
                reset(self.request.transport)
                return True
            case "eof":
                if self.request.transport is not None:
                    self.request.transport.close()
                return True
            case "close":
                code = self.fault.status if self.fault.status >= 1000 else 1011
                await self.socket.close(code=code, message=self.fault.message.encode())
                return True
            case "stall":
                await self.fake.stall()
                return True
            case "error":
                self.strike = ""
                ticks = int((turn.heard_until - turn.start) * TICKS)
                await self._final(turn, {"Offset": ticks, "Duration": 0}, self.fault.message)
        return False

    # what we say

    async def _tell(self, turn: Turn, *, ended: bool) -> None:
        """Send what has been heard by now; at the end of the recording what was cut short too."""
        while turn.open and turn.sound and (phrase := turn.next()) is not None:
            heard = phrase["at"] + (1 if ended else phrase["dur"]) <= turn.heard_until
            if not heard:
                break
            turn.pending = None
            await self._phrase(turn, phrase)
            every = self.fake.turn_end_every
            if every and turn.told % every == 0 and not ended:
                await self._close_turn(turn)
        if turn.open and not ended:
            await self._silence(turn)
        if turn.open and ended and self.strike != "silent":
            end = {"Offset": int((turn.heard_until - turn.start) * TICKS)}
            await self._send(turn, "speech.endDetected", end)
            await self._final(turn, {**end, "Duration": 0}, "EndOfDictation")
            await self._close_turn(turn)

    async def _close_turn(self, turn: Turn) -> None:
        turn.open = False
        await self._send(turn, "turn.end", {})

    async def _silence(self, turn: Turn) -> None:
        """Say that nothing was said, or the SDK holds all that audio as not yet acknowledged."""
        wait, now = self.fake.silence_every * 1000, turn.heard_until
        upcoming = turn.next()
        if not wait or now < turn.last_end + wait or (upcoming and upcoming["at"] < now):
            return
        begins = int((turn.last_end - turn.start) * TICKS)
        length = int((now - turn.last_end) * TICKS)
        turn.last_end = now
        await self._final(turn, {"Offset": begins, "Duration": length, "Channel": 0}, "NoMatch")

    async def _phrase(self, turn: Turn, phrase: Phrase) -> None:
        shift = self.fault.seconds * 1000 if self.fault and self.strike == "offsets" else 0
        at = max(0, int(phrase["at"] - turn.start + shift))
        place = {"Offset": at * TICKS, "Duration": phrase["dur"] * TICKS, "Channel": 0}
        speaker = {"SpeakerId": phrase["speaker"]} if phrase.get("speaker") is not None else {}
        found = self._detected(phrase)
        language = {"PrimaryLanguage": {"Language": found, "Confidence": "High"}} if found else {}
        text = phrase["text"]
        if language_of(phrase, [found or self._language()]) == "":
            text = misheard(text)
        diarization = self.context.get("phraseDetection", {}).get("speakerDiarization", {})
        early = speaker if diarization.get("diarizeIntermediates") == "True" else {}
        for guess in phrase.get("hyp", ()):
            body = {"Id": uuid.uuid4().hex, "Text": guess, **place, **early, **language}
            await self._send(turn, "speech.hypothesis", body)
        turn.told += 1
        turn.last_end = max(turn.last_end, phrase["at"] + phrase["dur"])
        body = {
            **place,
            **speaker,
            **language,
            "DisplayText": text,
            "Type": "ConversationTranscription",
        }
        if self.detailed:
            body["NBest"] = [self._detail(text, at, phrase["dur"])]
        await self._final(turn, body, phrase.get("status", "Success"))

    def _detected(self, phrase: Phrase) -> str:
        """What language the service takes it for, if it was asked for one among several; else ""."""
        asked = self.context.get("languageId", {})
        among = asked.get("languages", [])
        if not among:
            return ""
        if asked.get("mode") == "DetectContinuous":
            return language_of(phrase, among) or among[0]
        return self._decided(among)

    def _decided(self, among: list[str]) -> str:
        """What it decides for good in the first seconds, on a door and a chair if nobody speaks."""
        first = next(iter(self.fake.heard_in(among[0])), None)
        spoken = language_of(first, among) if first else ""
        if first is None or first["at"] < DECIDES_WITHIN_MS:
            return spoken or among[0]
        return next((each for each in among if each != spoken), among[0])

    def _detail(self, text: str, at: int, dur: int) -> dict[str, Any]:
        plain = text.lower().strip(".?!")
        said = {"Lexical": plain, "ITN": plain, "MaskedITN": plain, "Display": text}
        best: dict[str, Any] = {"Confidence": 0.93, **said}
        if self.word_times:
            best["Words"] = [
                {"Word": w, "Offset": o * TICKS, "Duration": d * TICKS, "Confidence": 0.9}
                for w, o, d in words_of(text, at, dur)
            ]
        return best

    async def _final(self, turn: Turn, body: dict[str, Any], status: str) -> None:
        self.record["finals"] += status == "Success"
        final = {"Id": uuid.uuid4().hex, "RecognitionStatus": status, **body}
        await self._send(turn, "speech.phrase", final)

    async def _send(self, turn: Turn, path: str, body: dict[str, Any]) -> None:
        head = (
            f"X-RequestId:{turn.id}\r\nContent-Type:application/json; charset=utf-8\r\n"
            f"Path:{path}\r\n\r\n"
        )
        await self.socket.send_str(head + json.dumps(body, ensure_ascii=False))
