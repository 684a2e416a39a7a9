"""Where words stand in recordings with a gap, and in those that begin late: one table.

An excerpt of the demo is put into five containers three times: as it is, with a gap of 20 s in its time
stamps, and with time stamps that begin at 7 s. Each goes through decoder and recogniser (the same samples
once). Two columns say how far the middle of a word is, at worst, from where a player plays it by the time
stamps of the packets, as PyAV reads them (MPEG TS counts from its first):

`placed`: from the words of the plain file's samples, put there by this script. Exits with 1 if it is more
than 150 ms, or if less than 95 % of the words are found again.
`plain`: from the words of the plain file, moved. It has the recogniser's own error in it, which hears a word
beside a pause some 100 ms earlier or later when what is before it is another.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import tempfile
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from difflib import SequenceMatcher
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av

from tests import media
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.local.speech.engine import WhisperSpeech
from therapy.domain.transcript import Utterance
from therapy.ports.speech import SpeechOptions

BOUND_MS = 150
FOUND_SHARE = 0.95
SECONDS = 40.0
RATE = 48_000
GAP_S, LATE_S = 20.0, 7.0
CONTAINERS = {
    "webm": ("webm", "libopus"),
    "mka": ("matroska", "aac"),
    "mp4": ("mp4", "aac"),
    "ogg": ("ogg", "libopus"),
    "ts": ("mpegts", "aac"),
}

Word = tuple[str, float]
"""A word in small letters without signs, and its middle in milliseconds."""


def pauses() -> list[float]:
    """Return the middles of the demo's pauses between turns, in seconds."""
    spans = media.demo_spans()
    return [(one[2] + two[1]) / 2 for one, two in pairwise(spans)]


def moves() -> dict[str, Callable[[float], float]]:
    """Return what happens to time stamps, by name; the gap is in the pause nearest to the middle."""
    gap_at = min(pauses(), key=lambda at: abs(at - SECONDS / 2))
    return {
        "plain": lambda at: at,
        "gap": lambda at: at if at < gap_at else at + GAP_S,
        "late": lambda at: at + LATE_S,
    }


def recording(name: str, moved: Callable[[float], float], folder: Path) -> bytes:
    container, codec = CONTAINERS[name]
    samples = media.excerpt(0, max(at for at in pauses() if at <= SECONDS), RATE)
    file = str(folder / f"recording.{container}")
    pages = {"page_duration": "20000"} if name == "ogg" else {}  # a page is not divided
    return media.encoded(
        samples, container, codec, rate=RATE, moved=moved, file=file, options=pages
    )


def stamps_ms(name: str, data: bytes) -> list[float]:
    """Return the time stamps of the packets as a player counts them."""
    with av.open(BytesIO(data)) as container:
        found = [
            float(packet.pts * packet.time_base) * 1000
            for packet in container.demux(audio=0)
            if packet.pts is not None
        ]
    return [each - found[0] for each in found] if name == "ts" else found


class Recogniser:
    """The words of recordings; the same samples are recognised once."""

    def __init__(self, cache: Path) -> None:
        self._speech = WhisperSpeech(cache=cache, model="tiny.en", threads=2)
        self._known: dict[str, list[Word]] = {}

    async def words(self, pcm: bytes) -> list[Word]:
        key = hashlib.sha256(pcm).hexdigest()
        if key not in self._known:
            self._known[key] = await self._recognised(pcm)
        return self._known[key]

    async def _recognised(self, pcm: bytes) -> list[Word]:
        async def chunks() -> AsyncIterator[bytes]:
            for at in range(0, len(pcm), 1 << 17):
                yield pcm[at : at + (1 << 17)]

        found: list[Word] = []
        async for event in self._speech.transcribe("-", chunks(), SpeechOptions(("en-US",))):
            if isinstance(event, Utterance):
                found += [
                    (plain(word.text), (word.start_ms + word.end_ms) / 2) for word in event.words
                ]
        return sorted(found, key=lambda word: word[1])


def plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


async def decoded(data: bytes) -> bytes:
    async def read(start: int, end: int) -> bytes:
        return data[start:end]

    return b"".join([each async for each in PyAvAudioDecoder().decode("-", read, len(data))])


def placed(pcm: bytes, before: Sequence[float], after: Sequence[float]) -> bytes:
    """Return the plain file's samples with each packet's where its time stamp in the other file is."""
    found = bytearray()
    for at, to, end in zip(before, after, (*before[1:], len(pcm) / 32), strict=True):
        start = max(0, round(to * 16)) * 2
        found.extend(bytes(max(0, start - len(found))))
        part = pcm[max(0, round(at * 16)) * 2 : round(end * 16) * 2]
        found[start : start + len(part)] = part
    return bytes(found)


def worst_ms(
    words: Sequence[Word], heard: Sequence[Word], shift: Callable[[float], float]
) -> tuple[int, float]:
    """Return how many words are found again, and how far the worst is from its expected place."""
    same = SequenceMatcher(None, [word for word, _ in words], [word for word, _ in heard], False)
    pairs = [
        (words[block.a + step][1], heard[block.b + step][1])
        for block in same.get_matching_blocks()
        for step in range(block.size)
    ]
    return len(pairs), max((abs(found - at - shift(at)) for at, found in pairs), default=0.0)


async def row(recogniser: Recogniser, title: str, name: str, plain_file: bytes, file: bytes) -> int:
    """Print a line of the table; return 1 if a bound is missed."""
    pcm, before, after = (
        await decoded(plain_file),
        stamps_ms(name, plain_file),
        stamps_ms(name, file),
    )

    def shift(at: float) -> float:
        packet = max(0, bisect_right(before, at) - 1)
        return after[packet] - before[packet]

    heard = await recogniser.words(await decoded(file))
    expected = await recogniser.words(placed(pcm, before, after))
    count, worst = worst_ms(expected, heard, lambda _: 0.0)
    _, moved = worst_ms(await recogniser.words(pcm), heard, shift)
    bad = worst > BOUND_MS or count < FOUND_SHARE * len(expected)
    verdict = "FAIL" if bad else "ok"
    print(
        f"{title:<10} {len(expected):>6} {count:>6} {worst:>10.0f} {moved:>9.0f}  {verdict}",
        flush=True,
    )
    return int(bad)


async def main() -> int:
    missed = 0
    print(f"{'file':<10} {'words':>6} {'again':>6} {'placed ms':>10} {'plain ms':>9}")
    with tempfile.TemporaryDirectory(prefix="therapy-bench-") as folder:
        recogniser = Recogniser(Path(folder))
        for name in CONTAINERS:
            files = {move: recording(name, by, Path(folder)) for move, by in moves().items()}
            for move in ("gap", "late"):
                missed += await row(recogniser, f"{name} {move}", name, files["plain"], files[move])
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
