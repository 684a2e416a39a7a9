"""Answers of the two engines of Azure Speech as utterances; pure: JSON in, structs out, no SDK.

Where the service says of no word how sure it is, each is as sure as its phrase.
Offsets are not trusted: whatever is outside the recording is moved to its edge.
"""

import heapq
from collections.abc import Iterable, Iterator
from itertools import count

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.transcript import GUESS, Utterance, Word

TICKS_PER_MS = 10_000
"""The conversation transcriber counts in 100 nanoseconds."""

UNSURE = 0.5
"""Below this confidence a phrase may be in another language than the one that was chosen for all."""

LATE_MS = 30_000
"""How long an utterance is held back for others that began before it."""


class Final(Struct, frozen=True):
    """A final result as the SDK reports it; only `body`, the service's JSON, has the words."""

    start_ticks: int
    duration_ticks: int
    text: str
    voice: str = ""
    language: str = ""
    body: str = ""


class _Word(Struct, frozen=True, rename="pascal"):
    word: str
    offset: int
    duration: int
    confidence: float | None = None


class _Best(Struct, frozen=True, rename="pascal"):
    confidence: float = 1.0
    words: tuple[_Word, ...] = ()


class _Language(Struct, frozen=True, rename="pascal"):
    language: str = ""


class _Body(Struct, frozen=True, rename="pascal"):
    offset: int
    n_best: tuple[_Best, ...] = ()
    primary_language: _Language = _Language()


class FastWord(Struct, frozen=True, rename="camel"):
    """A word in an answer of Fast Transcription."""

    text: str
    offset_milliseconds: int = 0
    duration_milliseconds: int = 0


class FastPhrase(Struct, frozen=True, rename="camel"):
    """A phrase in an answer of Fast Transcription."""

    text: str
    offset_milliseconds: int = 0
    duration_milliseconds: int = 0
    speaker: int | str | None = None
    locale: str | None = None
    confidence: float = 1.0
    words: tuple[FastWord, ...] | None = None


class FastAnswer(Struct, frozen=True, rename="camel"):
    """The part of Fast Transcription's answer that is used."""

    phrases: tuple[FastPhrase, ...] = ()


def voice_of(label: str | int | None) -> str:
    """Return an engine's label in short: "1" for "Guest-1" and 1, "" for "Unknown" and None."""
    text = str("" if label is None else label).strip()
    if text.lower() == "unknown":
        return ""
    return text.removeprefix("Guest-").removeprefix("Guest_")


def from_conversation(final: Final, within_ms: int) -> tuple[Utterance, str]:
    """Return a final result as an utterance, and its language ("" if unknown).

    `within_ms` is how much of the recording the engine has received.
    """
    start = final.start_ticks // TICKS_PER_MS
    end = (final.start_ticks + final.duration_ticks) // TICKS_PER_MS
    utterance = _utterance(start, end, final.text, final.voice, within_ms)
    try:
        body = msgspec.json.decode(final.body, type=_Body, strict=False)
    except msgspec.MsgspecError:
        return utterance, final.language  # without words and confidence, but with the text
    language = final.language or body.primary_language.language
    if not body.n_best:
        return utterance, language
    sure = _share(body.n_best[0].confidence)
    # In a later turn the SDK adjusts the result to the recording's time, but not its body.
    shift = final.start_ticks - body.offset
    words = (
        _word(
            each.word,
            (each.offset + shift) // TICKS_PER_MS,
            (each.offset + shift + each.duration) // TICKS_PER_MS,
            sure if each.confidence is None else each.confidence,
            within_ms,
        )
        for each in body.n_best[0].words
    )
    return replace(utterance, confidence=sure, words=tuple(words)), language


def from_fast(phrase: FastPhrase, within_ms: int, *, several: bool = False) -> Utterance:
    """Return a phrase of Fast Transcription as an utterance; `within_ms` is the recording's length.

    If `several` languages were possible, of which one was chosen for all, an unsure phrase is a guess: it may
    be in another one.
    """
    start, end = _span(phrase)
    flags = (GUESS,) if several and phrase.confidence < UNSURE else ()
    words = (
        _word(each.text, *_span(each), phrase.confidence, within_ms)
        for each in phrase.words or ()
        if each.text.strip()
    )
    return replace(
        _utterance(start, end, phrase.text, phrase.speaker, within_ms),
        confidence=_share(phrase.confidence),
        words=tuple(words),
        flags=flags,
    )


def _span(part: FastPhrase | FastWord) -> tuple[int, int]:
    start = part.offset_milliseconds
    return start, start + part.duration_milliseconds


def _utterance(
    start: int, end: int, text: str, voice: str | int | None, within_ms: int
) -> Utterance:
    start, end = _inside(start, end, within_ms)
    return Utterance(start_ms=start, end_ms=end, text=" ".join(text.split()), voice=voice_of(voice))


def _word(text: str, start: int, end: int, confidence: float, within_ms: int) -> Word:
    return Word(text, *_inside(start, end, within_ms), _share(confidence))


def _inside(start: int, end: int, within_ms: int) -> tuple[int, int]:
    start = min(max(0, start), within_ms)
    return start, min(max(start, end), within_ms)


def _share(confidence: float) -> float:
    return round(min(max(0.0, confidence), 1.0), 3)


class Queue:
    """Sorts utterances by their start while they arrive, nearly in order.

    Each is held back until another one begins `LATE_MS` after it. If one arrives even later, its start is
    set to that of the last one returned.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Utterance]] = []
        self._number = count()
        self._returned_start = 0
        self._newest = 0

    def put(self, utterance: Utterance) -> Iterator[Utterance]:
        """Add an utterance; yield those that nothing can precede any more."""
        start = max(self._returned_start, utterance.start_ms)
        utterance = replace(utterance, start_ms=start, end_ms=max(start, utterance.end_ms))
        heapq.heappush(self._waiting, (start, next(self._number), utterance))
        self._newest = max(self._newest, start)
        while self._waiting and self._waiting[0][0] <= self._newest - LATE_MS:
            yield self._next()

    def rest(self) -> Iterator[Utterance]:
        """Yield all that are left."""
        while self._waiting:
            yield self._next()

    def _next(self) -> Utterance:
        self._returned_start, _, utterance = heapq.heappop(self._waiting)
        return utterance


def most_spoken(spoken: Iterable[tuple[str, int]], asked: tuple[str, ...]) -> str:
    """Return the language spoken longest, given pairs of language (or "") and ms; "" for no pairs."""
    total: dict[str, int] = {}
    for language, length in spoken:
        name = language if language and language.lower() != "unknown" else asked[0]
        total[name] = total.get(name, 0) + length
    return max(total, key=total.__getitem__, default="")
