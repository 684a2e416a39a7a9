"""Who spoke for how long: time, share and speed of each speaker, and the silences.

Talk time is the union of a speaker's utterances: where a speaker's own utterances overlap (an
engine's rounding), the overlap counts once. Where two speakers talk at once, it counts for each of
them, so talk times may add up to more than the recording; shares are of their sum, and add up to 1.
Silence is where nobody speaks, including at the beginning and the end. Everything outside 0..duration
is cut off; without a duration, the end of the last utterance is used.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct

from therapy.domain.text_folding import words_of
from therapy.domain.transcript import Speaker, Utterance

SILENCE_MS = 2_000
"""A longer gap is shown as a silence; a shorter one is breathing and turn-taking."""

_MINUTE_MS = 60_000


class SpeakerTalk(Struct, frozen=True):
    """One speaker's part: `share` is 0..1 of all talk; `words_per_minute` is over their own talk time."""

    speaker: Speaker
    talk_ms: int
    share: float
    words: int
    words_per_minute: float


class Silence(Struct, frozen=True):
    """A stretch in which nobody speaks."""

    start_ms: int
    end_ms: int


class Talk(Struct, frozen=True):
    """The talk of a session: always all three speakers; `silence_ms` is the sum of the silences."""

    speakers: tuple[SpeakerTalk, ...]
    silences: tuple[Silence, ...]
    silence_ms: int


class Voice(Struct, frozen=True):
    """A voice that the engine distinguished ("" = it could not), and the speaker it is taken for."""

    voice: str
    speaker: Speaker
    utterances: int
    talk_ms: int


def talk_of(utterances: Iterable[Utterance], duration_ms: int) -> Talk:
    """Return the talk of a session that is `duration_ms` long (0 = unknown)."""
    spoken = tuple(utterances)
    end = duration_ms if duration_ms > 0 else max((each.end_ms for each in spoken), default=0)
    parts = {who: [each for each in spoken if each.speaker is who] for who in Speaker}
    times = {who: _length(_stretches(parts[who], end)) for who in Speaker}
    whole = sum(times.values())
    speakers = tuple(
        SpeakerTalk(
            speaker=who,
            talk_ms=times[who],
            share=times[who] / whole if whole else 0.0,
            words=(words := sum(len(words_of(each.text)) for each in parts[who])),
            words_per_minute=round(words * _MINUTE_MS / times[who], 1) if times[who] else 0.0,
        )
        for who in Speaker
    )
    silences = _gaps(_stretches(spoken, end), end)
    return Talk(speakers, silences, sum(each.end_ms - each.start_ms for each in silences))


def voices_of(utterances: Iterable[Utterance]) -> tuple[Voice, ...]:
    """Return each voice, most talk first; its speaker is the one that most of its talk is assigned to.

    A therapist may assign single utterances of a voice to another speaker.
    """
    by_voice: dict[str, list[Utterance]] = {}
    for each in utterances:
        by_voice.setdefault(each.voice, []).append(each)
    voices = [
        Voice(voice, _main_speaker(spoken), len(spoken), _talk_ms(spoken))
        for voice, spoken in by_voice.items()
    ]
    return tuple(sorted(voices, key=lambda one: (-one.talk_ms, one.voice)))


def _main_speaker(spoken: Sequence[Utterance]) -> Speaker:
    times = {who: _talk_ms([each for each in spoken if each.speaker is who]) for who in Speaker}
    present = [who for who in Speaker if any(each.speaker is who for each in spoken)]
    return max(present, key=lambda who: times[who])


def _talk_ms(spoken: Sequence[Utterance]) -> int:
    return _length(_stretches(spoken, max((each.end_ms for each in spoken), default=0)))


def _stretches(spoken: Iterable[Utterance], end: int) -> list[tuple[int, int]]:
    """Return the times that at least one utterance covers, in order, without overlaps."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted((max(0, each.start_ms), min(each.end_ms, end)) for each in spoken):
        if stop <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def _length(stretches: Iterable[tuple[int, int]]) -> int:
    return sum(stop - start for start, stop in stretches)


def _gaps(stretches: Sequence[tuple[int, int]], end: int) -> tuple[Silence, ...]:
    edges = [(0, 0), *stretches, (end, end)]
    return tuple(
        Silence(stop, start)
        for (_, stop), (start, _) in pairwise(edges)
        if start - stop > SILENCE_MS
    )
