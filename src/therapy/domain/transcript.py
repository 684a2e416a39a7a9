"""Transcripts: words, utterances and versions, the version that edited lines make, and timestamps.

An engine distinguishes voices ("0", "1", …); `roles` decides which one is the therapist's.
Every time is an integer number of milliseconds from the start of the recording.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.audio_findings import Missing
from therapy.domain.errors import InvalidInput
from therapy.domain.insights import Insights
from therapy.domain.sentiment import Scores
from therapy.domain.text_folding import plain_digits
from therapy.domain.word_times import TYPED, HeardWord, timed_lines

MAX_PAUSE_MS = 1_500
"""After a longer silence the same voice begins a new utterance."""

LONG_UTTERANCE_MS = 30_000
"""An utterance that has become this long ends at the next end of a sentence."""

UNSURE_BELOW = 0.5
"""With less confidence in its voice, an utterance gets no voice ("")."""


GUESS = "guess"
"""A flag: the engine itself takes its words for a guess."""
LOOP = "loop"
"""A flag: the engine ran into a loop; what it repeated is cut off."""
OTHER_LANGUAGE = "other_language"
"""A flag: the words are most likely of another language than the one that was recognised."""
NO_SPEECH_LIKELY = "no_speech_likely"
"""A flag: most likely nobody speaks there."""
VOCABULARY = "vocabulary"
"""A flag that is no doubt: words were replaced by the practice's vocabulary; `heard` has what they were."""


class Speaker(Enum):
    """Who an utterance belongs to; the values are the mobile app's words."""

    THERAPIST = "Therapist"
    PATIENT = "Patient"
    UNKNOWN = "Unknown"


class Word(Struct, frozen=True, array_like=True):
    """A word of an utterance; `confidence` is 0..1.

    In an edited utterance it is 0 (`TYPED`) for a word that a person typed: its times are estimated.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float = 1.0


class VoicedWord(Struct, frozen=True):
    """A word and the voice that the engine assigned it to; `voice_confidence` is 0..1.

    `flags` are the doubts about the word, as in `Utterance`.
    """

    word: Word
    voice: str
    voice_confidence: float = 1.0
    flags: tuple[str, ...] = ()


class Coverage(Struct, frozen=True):
    """How much of the speech that was detected has words, in milliseconds; `longest_ms` without any."""

    speech_ms: int
    without_words_ms: int
    longest_ms: int


class Utterance(Struct, frozen=True, omit_defaults=True):
    """What one voice said without a long pause or another voice in between.

    `voice` is the engine's label ("" = unknown); `confidence` (0..1) is how sure the engine is of the
    voice. `flags` are codes for doubts about the words: see `GUESS` and its neighbours, and `VOCABULARY`;
    others may be added. `heard` is the text before the vocabulary changed it, "" if that changed nothing.
    `edited` is true once a person has changed its text or speaker. `scores` is None until it is
    scored, and stays None if that is impossible.
    """

    start_ms: int
    end_ms: int
    text: str
    speaker: Speaker = Speaker.UNKNOWN
    voice: str = ""
    confidence: float = 1.0
    words: tuple[Word, ...] = ()
    flags: tuple[str, ...] = ()
    edited: bool = False
    scores: Scores | None = None
    heard: str = ""

    @property
    def doubts(self) -> tuple[str, ...]:
        """The flags that say that the words are in doubt."""
        return tuple(each for each in self.flags if each != VOCABULARY)

    @property
    def word_confidence(self) -> float:
        """The mean confidence of its words, 0..1, but for those typed by a person; 1 if none is left."""
        words = [each for each in self.words if not (self.edited and each.confidence == TYPED)]
        if not words:
            return 1.0
        return round(sum(each.confidence for each in words) / len(words), 3)


class Source(Enum):
    """How a version of a transcript came to be."""

    MACHINE = "machine"
    EDIT = "edit"
    AMEND = "amend"
    RERUN = "rerun"
    RESTORE = "restore"


class TranscriptVersion(Struct, frozen=True, omit_defaults=True):
    """One version of a session's transcript. Its words never change once written; scores and insights may.

    `number` counts from 1, `parent` is the number of the version it was made from (0 = none).
    `author_id` is a person's id, "" for a machine's version; `engine` names what recognised it. `reason` is
    why a closed session was amended ("" = not told).
    `sentiment_gap` is the language that could not be scored ("" = none). `insights` is None if none
    were looked for, e.g. since words were corrected. `missing` and `remarks` are about the recording,
    see `AudioFindings`; `coverage` is None if the engine does not tell it.
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
    missing: tuple[Missing, ...] = ()
    remarks: tuple[str, ...] = ()
    coverage: Coverage | None = None
    reason: str = ""

    @property
    def partial(self) -> bool:
        """Whether sound is missing from the recording."""
        return bool(self.missing)


class Line(Struct, frozen=True):
    """An utterance as the therapist sends it back: the app has no end, voice or score."""

    speaker: Speaker
    text: str
    timestamp: str


def join_words(words: Iterable[VoicedWord]) -> tuple[Utterance, ...]:
    """Return words, in time order, joined into utterances.

    A new utterance begins at another voice, at other flags, after a long pause, and after a sentence once
    it is long.

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
    if (word.voice, word.flags) != (last.voice, last.flags):
        return False
    if word.word.start_ms - last.word.end_ms > MAX_PAUSE_MS:
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
        flags=group[0].flags,
    )


def in_order(utterances: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """Return utterances sorted by start, every start made unique (+1 ms), so that it identifies a line."""
    ordered: list[Utterance] = []
    last = -1
    for each in sorted(utterances, key=lambda one: (one.start_ms, one.end_ms)):
        start = max(each.start_ms, last + 1)
        ordered.append(replace(each, start_ms=start, end_ms=max(each.end_ms, start)))
        last = start
    return tuple(ordered)


_TIMESTAMP = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):([0-5]\d)(?:[.,](\d{1,3}))?", re.ASCII)


def parse_timestamp(text: str, *, field: str = "timestamp") -> int:
    """Return the ms of `MM:SS`, `HH:MM:SS` or `HH:MM:SS.mmm`, in digits of any script.

    Raises:
        InvalidInput: it is none of these; names `field`.
    """
    found = _TIMESTAMP.fullmatch(plain_digits(text))
    if found is None:
        raise InvalidInput(field, "timestamp")
    hours, minutes, seconds, fraction = found.groups()
    if hours and int(minutes) > 59:
        raise InvalidInput(field, "timestamp")
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def format_timestamp(ms: int) -> str:
    """Return milliseconds in the form that the app reads: `H:MM:SS.mmm`."""
    seconds, millis = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}.{millis:03}"


def corrected(
    parent: TranscriptVersion, lines: Sequence[Line], *, number: int, at: datetime, author_id: str
) -> TranscriptVersion:
    """Return the version with this number, made from what the therapist sent back.

    Lines are matched to the parent's utterances by timestamp; an unmatched line ends where the next one
    begins. A line whose text and speaker are unchanged keeps its scores; any other loses them, to be
    scored again. Words keep their times, also in another line; see `word_times`. Insights are kept only if no
    text changed, because they refer to positions in texts.

    Raises:
        InvalidInput: no lines although the parent has utterances, or a line without text or valid timestamp.
    """
    utterances = _edited(parent, lines)
    version = TranscriptVersion(
        session_id=parent.session_id,
        number=number,
        parent=parent.number,
        source=Source.EDIT,
        at=at,
        utterances=with_word_times(parent.utterances, utterances),
        author_id=author_id,
        engine=parent.engine,
        language=parent.language,
        duration_ms=parent.duration_ms,
        role_confidence=parent.role_confidence,
        role_reasons=parent.role_reasons,
        missing=parent.missing,
        remarks=parent.remarks,
        coverage=parent.coverage,
    )
    return replace(version, insights=parent.insights) if same_texts(parent, version) else version


def same_texts(one: TranscriptVersion, other: TranscriptVersion) -> bool:
    """Return whether two versions have the same lines of text, whoever speaks them."""
    return [each.text for each in one.utterances] == [each.text for each in other.utterances]


def _edited(parent: TranscriptVersion, lines: Sequence[Line]) -> tuple[Utterance, ...]:
    """Return what was sent back as utterances; a changed text has no words yet."""
    if not lines and parent.utterances:
        raise InvalidInput("transcript", "empty_transcript")
    old = {each.start_ms: each for each in parent.utterances}
    utterances = in_order(_corrected_line(index, line, old) for index, line in enumerate(lines))
    return _ended(utterances, parent.duration_ms)


def with_word_times(old: Sequence[Utterance], new: tuple[Utterance, ...]) -> tuple[Utterance, ...]:
    """Return edited lines with the times of their words, by those that were heard: see `word_times`."""
    timed = timed_lines(old, new)
    if not timed:
        return new
    utterances = list(new)
    for place, line in timed.items():
        words = tuple(_word(each) for each in line.words)
        utterances[place] = replace(new[place], words=words, end_ms=line.end_ms)
    return tuple(utterances)


def _word(word: HeardWord) -> Word:
    if isinstance(word, Word):
        return word
    return Word(word.text, word.start_ms, word.end_ms, word.confidence)


def _corrected_line(index: int, line: Line, old: dict[int, Utterance]) -> Utterance:
    text = line.text.strip()
    if not text:
        raise InvalidInput(f"[{index}].text", "required")
    start = parse_timestamp(line.timestamp, field=f"[{index}].timestamp")
    match = old.get(start)
    if match is None:
        return Utterance(start_ms=start, end_ms=start, text=text, speaker=line.speaker, edited=True)
    if match.text == text and match.speaker is line.speaker:
        return match
    if match.text == text:
        return replace(match, speaker=line.speaker, edited=True, scores=None)
    return replace(
        match,
        text=text,
        speaker=line.speaker,
        words=(),
        flags=(),
        edited=True,
        scores=None,
        heard="",
    )


def _ended(utterances: tuple[Utterance, ...], duration_ms: int) -> tuple[Utterance, ...]:
    next_starts = [*(each.start_ms for each in utterances), duration_ms][1:]
    return tuple(
        replace(each, end_ms=max(each.start_ms, next_start))
        if each.end_ms == each.start_ms
        else each
        for each, next_start in zip(utterances, next_starts, strict=True)
    )


def same_lines(
    parent: TranscriptVersion, version: TranscriptVersion, lines: Sequence[Line]
) -> bool:
    """Return whether `version` was made from `parent` with these `lines`, i.e. they were sent again."""
    try:
        again = _edited(parent, lines)
    except InvalidInput:
        return False
    return _said(again) == _said(version.utterances)


def _said(utterances: Iterable[Utterance]) -> list[tuple[int, Speaker, str]]:
    return [(each.start_ms, each.speaker, each.text) for each in utterances]
