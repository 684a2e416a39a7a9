"""What the answer about a session says of its recording: voices, talk, sentiment, and what stands out.

Schemas of the API, which follow the domain's structs: a field that is renamed there keeps its name here.
"""

from typing import Annotated, Any, Self

import msgspec
from msgspec import Struct

from therapy.domain import audio_findings, insights
from therapy.domain.insights import Part
from therapy.domain.messages import sentence
from therapy.domain.recording_messages import missing_sentence
from therapy.domain.scoring import curve_of, session_scores
from therapy.domain.talk import talk_of, voices_of
from therapy.domain.transcript import Speaker, TranscriptVersion
from therapy.entrypoints.http.schema_types import Negative, Neutral, Positive, about

StartMs = Annotated[int, about("When it begins, in milliseconds.", 0)]
EndMs = Annotated[int, about("When it ends, in milliseconds.", 150_000)]
TalkMs = Annotated[int, about("Milliseconds of talk.", 1_240_000)]
WhoSpoke = Annotated[Speaker, about("Whose it is.", "Patient")]

Flags = Annotated[
    tuple[str, ...],
    about(
        "Doubts about its words, for programs: `guess`, `loop` (a repetition was cut off), `other_language`, "
        "`no_speech_likely`; others may come. A line with any is not scored.",
        [],
    ),
]
IsPartial = Annotated[bool, about("Whether sound is missing from the recording.", False)]
Remarks = Annotated[
    tuple[str, ...],
    about(
        "What a listener should know, for programs: `several_tracks`, `inverted_channel`, `silent_channel`, "
        "`separate_channels`; others may come.",
        [],
    ),
]


class Scores(Struct):
    """Shares of positive, neutral and negative feeling, each 0 to 1, together 1."""

    positive: Positive
    neutral: Neutral
    negative: Negative


class CurvePoint(Struct):
    """The patient's speech in one window of the session."""

    start_ms: StartMs
    end_ms: EndMs
    scores: Annotated[Scores, about("The mean of what was said in it.")]


class Sentiment(Struct):
    """How the patient's speech felt, as a whole and over time."""

    scores: Annotated[Scores, about("The patient's speech as a whole.")]
    curve: Annotated[
        tuple[CurvePoint, ...],
        about("Up to 20 windows of equal length; those without patient speech are left out."),
    ]
    not_available_for: Annotated[
        str, about("The language that could not be scored; empty if it could.", "")
    ]


class Voice(Struct):
    """One voice that the recogniser told apart."""

    voice: Annotated[str, about("Its name; empty for what could not be told apart.", "1")]
    speaker: WhoSpoke
    utterances: Annotated[int, about("How many lines it has.", 118)]
    talk_ms: TalkMs


class SpeakerTalk(Struct):
    """One speaker's part of the talk."""

    speaker: WhoSpoke
    talk_ms: TalkMs
    share: Annotated[float, about("Share of all talk, 0 to 1.", 0.58)]
    words: Annotated[int, about("How many words.", 2_710)]
    words_per_minute: Annotated[float, about("Speed, over the speaker's own talk.", 131.1)]


class Silence(Struct):
    """A stretch of more than two seconds in which nobody speaks."""

    start_ms: StartMs
    end_ms: EndMs


class Talk(Struct):
    """Who spoke for how long, and the silences between."""

    speakers: Annotated[tuple[SpeakerTalk, ...], about("Always all three speakers.")]
    silences: Annotated[tuple[Silence, ...], about("The silences, in order of time.")]
    silence_ms: Annotated[int, about("All silences together, in milliseconds.", 150_000)]


class PersonalDetail(Struct):
    """A place where somebody could be recognised by; the detail itself is not repeated."""

    utterance: Annotated[int, about("The line, counted from 0.", 3)]
    start: Annotated[int, about("The first character of it in the line, counted from 0.", 3)]
    length: Annotated[int, about("How many characters it has.", 6)]
    category: Annotated[str, about("The engine's word for it.", "Person")]


class InsightGap(Struct):
    """A part that is not there, and why."""

    part: Annotated[Part, about("Which part.", "summary")]
    code: Annotated[str, about("Why, for programs.", "language")]
    reason: Annotated[
        str, about("Why, in words.", "The language of this recording is not supported here.")
    ]


class Insights(Struct):
    """What a machine found beside the words, in the lines of this version: a help, never a fact."""

    key_phrases: Annotated[
        tuple[str, ...], about("What was spoken of, most often first.", ["sister", "sleep"])
    ]
    personal_details: Annotated[
        tuple[PersonalDetail, ...], about("Places where somebody could be recognised by.")
    ]
    summary_draft: Annotated[
        str, about("A machine's draft of a summary: nobody's until a therapist says so.", "")
    ]
    gaps: Annotated[list[InsightGap], about("The parts that are not there.")]
    engine: Annotated[str, about("What found it.", "memory")]

    @classmethod
    def of(cls, found: insights.Insights, language: str) -> Self:
        """Return what was found, the reasons for gaps in this language."""
        return cls(
            key_phrases=found.key_phrases,
            personal_details=as_shape(tuple[PersonalDetail, ...], found.personal_details),
            summary_draft=found.summary_draft,
            gaps=[
                InsightGap(gap.part, gap.code, sentence(gap.code, language)) for gap in found.gaps
            ],
            engine=found.engine,
        )


class Missing(Struct):
    """A stretch of the recording without sound."""

    start_ms: Annotated[int, about("When it begins, in milliseconds.", 600_000)]
    end_ms: Annotated[int, about("When it ends, in milliseconds.", 720_000)]
    reason: Annotated[
        str,
        about(
            "Why, for programs: `hole` (time stamps leave it out), `damaged` (it can't be decoded), "
            "`cut_off` (the file states to be longer than it is), `too_long` (in transcripts of earlier "
            "versions: beyond 12 hours), `between_recordings` (the session's next file begins at its end).",
            "hole",
        ),
    ]


class MissingSaid(Missing):
    """A stretch of the recording without sound, in words too."""

    sentence: Annotated[
        str,
        about(
            "What is missing, in words.",
            "2 minutes from 0:10:00 are missing: the recording has a gap there.",
        ),
    ]


class Coverage(Struct):
    """How much of the speech that was detected has words."""

    speech_ms: Annotated[int, about("Milliseconds of speech that were detected.", 2_410_000)]
    without_words_ms: Annotated[
        int, about("Milliseconds of it for which no words were found.", 900)
    ]
    longest_ms: Annotated[int, about("The longest such stretch, in milliseconds.", 600)]


CoverageShown = Annotated[
    Coverage | None,
    about("How much of the speech has words; null where the engine does not tell it."),
]


class DoubtfulLine(Struct):
    """A line that is in doubt, to be looked at in review."""

    start_ms: Annotated[int, about("When it begins, in milliseconds: its name.", 3_000)]
    flags: Flags


class Heard(Struct):
    """What was heard in the recording: measures of the transcript's current version."""

    version: Annotated[int, about("The version's number; a therapist's is a new one.", 1)]
    engine: Annotated[str, about("What recognised it.", "whisper tiny.en")]
    language: Annotated[str, about("The language heard, BCP 47.", "en-US")]
    duration_ms: Annotated[int, about("How long the recording is, in milliseconds.", 3_000_000)]
    role_confidence: Annotated[
        float,
        about(
            "How sure it is which voice is the therapist's: 0.5 to 0.9; below 0.6 all are Unknown.",
            0.87,
        ),
    ]
    role_reasons: Annotated[
        tuple[str, ...],
        about(
            "Why that voice: counts for each voice, in English; no words are quoted.",
            ["voice 0 asks 2 questions in 3 turns", "voice 0 has 46% of the words"],
        ),
    ]
    voices: Annotated[tuple[Voice, ...], about("The voices, most talk first.")]
    talk: Annotated[Talk, about("Who spoke for how long.")]
    sentiment: Annotated[Sentiment, about("How the patient's speech felt.")]
    insights: Annotated[
        Insights | None, about("What stands out; null where nothing looked for it.")
    ]
    partial: IsPartial
    missing: Annotated[list[MissingSaid], about("Where sound is missing, in order of time.")]
    remarks: Remarks
    coverage: CoverageShown
    doubtful_lines: Annotated[
        list[DoubtfulLine],
        about("The lines with flags, in order of time: to be looked at in review."),
    ]

    @classmethod
    def of(cls, version: TranscriptVersion, language: str) -> Self:
        """Return the measures of a version; the reasons for gaps in this language."""
        found = version.insights
        scored = Sentiment(
            as_shape(Scores, session_scores(version)),
            as_shape(tuple[CurvePoint, ...], curve_of(version)),
            version.sentiment_gap,
        )
        return cls(
            version=version.number,
            engine=version.engine,
            language=version.language,
            duration_ms=version.duration_ms,
            role_confidence=version.role_confidence,
            role_reasons=version.role_reasons,
            voices=as_shape(tuple[Voice, ...], voices_of(version.utterances)),
            talk=as_shape(Talk, talk_of(version.utterances, version.duration_ms)),
            sentiment=scored,
            insights=Insights.of(found, language) if found else None,
            partial=version.partial,
            missing=[_said(each, language) for each in version.missing],
            remarks=version.remarks,
            coverage=as_shape(CoverageShown, version.coverage),
            doubtful_lines=[
                DoubtfulLine(each.start_ms, each.doubts)
                for each in version.utterances
                if each.doubts
            ],
        )


def _said(missing: audio_findings.Missing, language: str) -> MissingSaid:
    return MissingSaid(
        missing.start_ms, missing.end_ms, missing.reason, missing_sentence(missing, language)
    )


def as_shape(shape: Any, value: object) -> Any:
    """Return what the domain has, a struct or several, as the API's, field by field."""
    return msgspec.convert(value, shape, from_attributes=True)
