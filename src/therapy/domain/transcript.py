"""What was said: words, utterances, and the versions of a transcript.

An engine hears voices ("0", "1", …); which voice is the therapist is decided in `roles`.
Every time is an integer number of milliseconds from the start of the recording.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.errors import InvalidInput
from therapy.domain.insights import Insights
from therapy.domain.sentiment import Scores

MAX_PAUSE_MS = 1_500
"""A longer silence inside one voice's speech begins a new utterance."""

LONG_UTTERANCE_MS = 30_000
"""From this length on an utterance ends at the next end of a sentence."""

UNSURE_BELOW = 0.5
"""An utterance whose voice is less sure than this belongs to nobody known."""


class Speaker(Enum):
    """Who an utterance belongs to; the values are the mobile app's words."""

    THERAPIST = "Therapist"
    PATIENT = "Patient"
    UNKNOWN = "Unknown"


class Word(Struct, frozen=True, array_like=True):
    """One recognised word; `confidence` is 0..1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float = 1.0


class VoicedWord(Struct, frozen=True):
    """A word and the voice that an engine heard it in; `voice_confidence` is 0..1."""

    word: Word
    voice: str
    voice_confidence: float = 1.0


class Utterance(Struct, frozen=True, omit_defaults=True):
    """What one voice said in one go.

    `voice` is the engine's label, "" when it could not tell; `confidence` (0..1) is how sure the
    engine is of the voice. `scores` is None until scored, and stays None where it can't be.
    """

    start_ms: int
    end_ms: int
    text: str
    speaker: Speaker = Speaker.UNKNOWN
    voice: str = ""
    confidence: float = 1.0
    words: tuple[Word, ...] = ()
    scores: Scores | None = None


class Source(Enum):
    """How a version of a transcript came to be."""

    MACHINE = "machine"
    EDIT = "edit"
    AMEND = "amend"
    RERUN = "rerun"
    RESTORE = "restore"


class TranscriptVersion(Struct, frozen=True, omit_defaults=True):
    """One version of a session's transcript; never changed once written.

    `number` counts from 1; `author_id` is a person's id, "" for a machine version; `engine` names
    what recognised it. `sentiment_gap` is the language that could not be scored ("" = none).
    `insights` is None where nobody looked for any, e.g. once words were corrected.
    """

    session_id: str
    number: int
    parent: int
    source: Source
    at: datetime
    utterances: tuple[Utterance, ...] = ()
    author_id: str = ""
    engine: str = ""
    language: str = ""
    duration_ms: int = 0
    role_confidence: float = 0.0
    role_reasons: tuple[str, ...] = ()
    sentiment_gap: str = ""
    insights: Insights | None = None


class Line(Struct, frozen=True):
    """A row as the therapist sends it back: the app knows no end, voice or score."""

    speaker: Speaker
    text: str
    timestamp: str


def join_words(words: Iterable[VoicedWord]) -> tuple[Utterance, ...]:
    """Join words, in time order, into utterances: at a new voice, a long pause or a long sentence's end.

    An utterance's confidence is the mean of its words' voice confidences; below `UNSURE_BELOW`
    its voice becomes "".
    """
    groups: list[list[VoicedWord]] = []
    for word in words:
        if groups and _goes_on(groups[-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    return tuple(_utterance(group) for group in groups)


def _goes_on(group: Sequence[VoicedWord], word: VoicedWord) -> bool:
    last = group[-1]
    if word.voice != last.voice or word.word.start_ms - last.word.end_ms > MAX_PAUSE_MS:
        return False
    long = last.word.end_ms - group[0].word.start_ms >= LONG_UTTERANCE_MS
    return not (long and last.word.text.rstrip().endswith((".", "?", "!", "…")))


def _utterance(group: Sequence[VoicedWord]) -> Utterance:
    confidence = sum(each.voice_confidence for each in group) / len(group)
    return Utterance(
        start_ms=group[0].word.start_ms,
        end_ms=max(each.word.end_ms for each in group),
        text=" ".join(" ".join(each.word.text for each in group).split()),
        voice=group[0].voice if confidence >= UNSURE_BELOW else "",
        confidence=round(confidence, 3),
        words=tuple(each.word for each in group),
    )


def in_order(utterances: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """Sort by start and make every start unique (+1 ms), so that a start names its row."""
    ordered: list[Utterance] = []
    last = -1
    for each in sorted(utterances, key=lambda one: (one.start_ms, one.end_ms)):
        start = max(each.start_ms, last + 1)
        ordered.append(replace(each, start_ms=start, end_ms=max(each.end_ms, start)))
        last = start
    return tuple(ordered)


_TIMESTAMP = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):([0-5]\d)(?:[.,](\d{1,3}))?", re.ASCII)


def parse_timestamp(text: str, *, field: str = "timestamp") -> int:
    """Milliseconds of `MM:SS`, `HH:MM:SS` or `HH:MM:SS.mmm`; InvalidInput names `field` otherwise."""
    found = _TIMESTAMP.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(field, "timestamp")
    hours, minutes, seconds, fraction = found.groups()
    if hours and int(minutes) > 59:
        raise InvalidInput(field, "timestamp")
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def format_timestamp(ms: int) -> str:
    """Write milliseconds as the app reads them: `H:MM:SS.mmm`."""
    seconds, millis = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}.{millis:03}"


def corrected(
    parent: TranscriptVersion, lines: Sequence[Line], *, at: datetime, author_id: str
) -> TranscriptVersion:
    """Make the next version from what the therapist sent back.

    Lines are matched to the parent by timestamp; an unmatched line ends where the next begins. A line
    whose text and speaker are the parent's keeps its score, any other is scored anew. Insights stay
    as long as every text does: they point into texts by their places.
    """
    if not lines and parent.utterances:
        raise InvalidInput("transcript", "empty_transcript")
    old = {each.start_ms: each for each in parent.utterances}
    utterances = in_order(_corrected_line(index, line, old) for index, line in enumerate(lines))
    same_texts = [each.text for each in utterances] == [each.text for each in parent.utterances]
    return TranscriptVersion(
        session_id=parent.session_id,
        number=parent.number + 1,
        parent=parent.number,
        source=Source.EDIT,
        at=at,
        utterances=_ended(utterances, parent.duration_ms),
        author_id=author_id,
        engine=parent.engine,
        language=parent.language,
        duration_ms=parent.duration_ms,
        role_confidence=parent.role_confidence,
        role_reasons=parent.role_reasons,
        insights=parent.insights if same_texts else None,
    )


def _corrected_line(index: int, line: Line, old: dict[int, Utterance]) -> Utterance:
    text = line.text.strip()
    if not text:
        raise InvalidInput(f"[{index}].text", "required")
    start = parse_timestamp(line.timestamp, field=f"[{index}].timestamp")
    match = old.get(start)
    if match is None:
        return Utterance(start_ms=start, end_ms=start, text=text, speaker=line.speaker)
    if match.text == text and match.speaker is line.speaker:
        return match
    words = match.words if match.text == text else ()
    return replace(match, text=text, speaker=line.speaker, words=words, scores=None)


def _ended(utterances: tuple[Utterance, ...], duration_ms: int) -> tuple[Utterance, ...]:
    following = [*(each.start_ms for each in utterances), duration_ms][1:]
    return tuple(
        replace(each, end_ms=max(each.start_ms, nxt)) if each.end_ms == each.start_ms else each
        for each, nxt in zip(utterances, following, strict=True)
    )


def same_lines(
    parent: TranscriptVersion, version: TranscriptVersion, lines: Sequence[Line]
) -> bool:
    """Tell whether `lines` is what made `version` from `parent`: a submission sent again."""
    try:
        again = corrected(parent, lines, at=version.at, author_id=version.author_id)
    except InvalidInput:
        return False
    return _said(again) == _said(version)


def _said(version: TranscriptVersion) -> list[tuple[int, Speaker, str]]:
    return [(each.start_ms, each.speaker, each.text) for each in version.utterances]
