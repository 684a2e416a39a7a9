"""Answers: what servers of this kind say, and the utterances that it means.

`verbose_json` has segments and words, `diarized_json` segments with a speaker; some servers give words
inside segments, and a speaker to either. What is not there is done without.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.errors import EngineFailed
from therapy.domain.transcript import Utterance, VoicedWord, Word, in_order, join_words

SURELY_NOTHING, HARDLY_SURE = 0.6, -1.0
"""Whisper's own rule for a segment in which nobody speaks: no speech is likely, and the words are not."""


class HeardWord(Struct, frozen=True):
    """A word, with its times in seconds."""

    word: str
    start: float = 0.0
    end: float = 0.0
    speaker: str | int | None = None
    probability: float | None = None


class Segment(Struct, frozen=True):
    """Some words that belong together."""

    text: str = ""
    start: float = 0.0
    end: float = 0.0
    speaker: str | int | None = None
    words: tuple[HeardWord, ...] | None = None
    no_speech_prob: float | None = None
    avg_logprob: float | None = None


class Answer(Struct, frozen=True):
    """What is read of an answer."""

    text: str = ""
    language: str | None = None
    segments: tuple[Segment, ...] | None = None
    words: tuple[HeardWord, ...] | None = None


def decoded(body: bytes) -> Answer:
    """Read an answer.

    Raises:
        EngineFailed: it is none.
    """
    try:
        return msgspec.json.decode(body, type=Answer, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise EngineFailed(reason="malformed") from None  # the cause would quote what was said


def utterances_in(
    answer: Answer, begin_ms: int, end_ms: int, voices: str = ""
) -> tuple[Utterance, ...]:
    """Return what was said in a piece of a recording, at its time in the whole.

    `voices` is put before each voice's label: the voices of two pieces have nothing to do with each other.
    Segments of one voice are joined; without voices each stays by itself, since two people may have said two.
    """
    units = list(_units(answer, _Piece(begin_ms, end_ms, voices)))
    if any(unit.spoken.voice for unit in units):
        joined = join_words(unit.spoken for unit in units)
    else:
        joined = tuple(each for unit in units for each in join_words([unit.spoken]))
    waiting = iter(units)
    return in_order(
        replace(each, words=tuple(word for _ in each.words for word in next(waiting).words))
        for each in joined
    )


def _is_silence(segment: Segment) -> bool:
    nothing, sure = segment.no_speech_prob, segment.avg_logprob
    return (
        nothing is not None and sure is not None and nothing > SURELY_NOTHING and sure < HARDLY_SURE
    )


class _Unit(Struct, frozen=True):
    """A segment, or a word of one whose words have voices of their own; `words` are those in it."""

    spoken: VoicedWord
    words: tuple[Word, ...]


def _units(answer: Answer, piece: "_Piece") -> Iterator[_Unit]:
    for segment, words in _with_words(answer, piece):
        own = [(piece.word(each), piece.voice(each.speaker)) for each in words]
        own = [(word, voice) for word, voice in own if word.text]
        if any(voice for _, voice in own):
            yield from (_Unit(VoicedWord(word, voice), (word,)) for word, voice in own)
        elif text := " ".join(segment.text.split()):
            whole = Word(text, *piece.span(segment.start, segment.end))
            yield _Unit(
                VoicedWord(whole, piece.voice(segment.speaker)), tuple(word for word, _ in own)
            )


def _with_words(answer: Answer, piece: "_Piece") -> Iterator[tuple[Segment, Sequence[HeardWord]]]:
    """Yield the segments in which somebody speaks, each with its own words or those in its time."""
    whole = Segment(text=answer.text, end=(piece.end_ms - piece.begin_ms) / 1000)
    segments = sorted(answer.segments or (whole,), key=lambda each: each.start)
    starts = [each.start for each in segments]
    inside: list[list[HeardWord]] = [list(each.words or ()) for each in segments]
    for word in answer.words or ():
        at = max(0, bisect_right(starts, (word.start + word.end) / 2) - 1)
        if not segments[at].words:
            inside[at].append(word)
    for segment, words in zip(segments, inside, strict=True):
        if not _is_silence(segment):
            yield segment, words


class _Piece(Struct, frozen=True):
    begin_ms: int
    end_ms: int
    voices: str

    def span(self, start: float, end: float) -> tuple[int, int]:
        """Return a time in the whole recording, never beyond this piece."""
        first, last = (
            min(max(self.begin_ms, self.begin_ms + round(at * 1000)), self.end_ms)
            for at in (start, end)
        )
        return first, max(first, last)

    def voice(self, speaker: str | int | None) -> str:
        label = "" if speaker is None else str(speaker).strip()
        return f"{self.voices}{label}" if label else ""

    def word(self, word: HeardWord) -> Word:
        sure = 1.0 if word.probability is None else min(max(word.probability, 0.0), 1.0)
        return Word(word.word.strip(), *self.span(word.start, word.end), round(sure, 3))
