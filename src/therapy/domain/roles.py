"""Which voice is the therapist's: an explainable rule that looks only at what is said.

Each voice gets a score: the sum of its shares of cues (how often it invites the other to tell, explains,
leads; how often it speaks of its own life and state, repeats what others said, asks for advice), each
with a weight. The confidence grows with the difference between the two best scores, and never reaches
certainty. Neither the order of speaking nor the engine's labels count. English and Hebrew cues are used
together; neither matches the other's script.
"""

import math
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import asdict, replace

from therapy.domain.role_cues import Cues, cues_in
from therapy.domain.transcript import Source, Speaker, TranscriptVersion, Utterance

SURE = 0.6
"""Below this confidence no voice gets a role, and the therapist is asked: a wrong name on every line is
worse than none."""

MOST = 0.9
"""The greatest confidence: what is said never proves who says it."""

SCALE = 1.75
"""The difference of scores is divided by this before the logistic function makes a confidence of it.

Chosen, as the weights were, on the dialogues of tests/domain/dialogues, so that a difference of a kind
that was wrong there stays well below 0.7. docs/reference/speech.md has the table.
"""

WEIGHTS: Mapping[str, float] = {
    "open_questions": 4.0,
    "questions": 0.5,
    "phrases": 3.0,
    "impersonal": 3.5,
    "explaining": 2.5,
    "guiding": 3.5,
    "reflecting": 1.5,
    "own_life": -3.0,
    "feelings": -3.0,
    "colloquial": -1.5,
    "third": -1.2,
    "reported": -2.5,
    "facts": -1.3,
    "seeking": -4.0,
    "towards": -2.2,
}
"""What each share of cues adds to a voice's score: fitted to the tuning dialogues, then rounded."""

ADDRESS, BREVITY = 0.3, 0.6
"""The weights of "you" against "I", and of talking less than the other."""

ENOUGH = 0.5
"""A share counts up to here: no single habit makes a therapist or a patient."""

FEW = 3.0
"""Added to the denominator of each share, so that a voice with two sentences proves little."""

WORDS_PER_SENTENCE = 12
"""A sentence is taken for as many words where the recogniser writes no full stops."""

ALONE = -0.2
"""The score from which a single voice is more likely a therapist's than a patient's."""

FAIR_SHARE = 0.1
"""A further voice is a patient's if it has at least this share of the most talkative patient's words."""


class Roles(Struct, frozen=True):
    """Who each voice is, how sure that is (0..1; 0.5 is a coin toss), and why, without quoting any words."""

    voices: Mapping[str, Speaker]
    confidence: float = 0.0
    reasons: tuple[str, ...] = ()


class _Voice(Struct, frozen=True):
    label: str
    turns: int
    cues: Cues
    score: float
    share: float


def assign_roles(utterances: Iterable[Utterance]) -> Roles:
    """Return each voice's role; utterances whose voice is "" are ignored.

    The therapist is the voice that scores clearly best. Every other voice with a fair share of the words
    is a patient's: couples and families have several. A voice that says only a few words is Unknown, and
    all voices are if none is clearly best.
    """
    voices = _ranked_voices(utterances)
    if not voices:
        return Roles({}, 0.0, ("no voice says any words",))
    if len(voices) == 1:
        return _alone(voices[0])
    confidence = _confidence(voices[0].score - voices[1].score)
    reasons = tuple(reason for voice in voices for reason in _reasons(voice))
    if confidence < SURE:
        nobody = dict.fromkeys((voice.label for voice in voices), Speaker.UNKNOWN)
        return Roles(nobody, confidence, (*reasons, "no voice is clearly the therapist's"))
    return Roles(_roles_beside(voices[0], voices[1:]), confidence, reasons)


def with_roles(utterances: Iterable[Utterance], roles: Roles) -> tuple[Utterance, ...]:
    """Return the utterances, each with its voice's speaker; Unknown for a voice without a role."""
    return tuple(
        replace(
            each,
            speaker=roles.voices.get(each.voice, Speaker.UNKNOWN)
            if each.voice
            else Speaker.UNKNOWN,
        )
        for each in utterances
    )


def to_assign(version: TranscriptVersion) -> bool:
    """Return whether every line of a machine's version is Unknown, so that a person has to assign them."""
    lines = version.utterances
    unknown = all(each.speaker is Speaker.UNKNOWN for each in lines)
    return bool(lines) and unknown and version.source is Source.MACHINE


def _roles_beside(therapist: _Voice, others: list[_Voice]) -> dict[str, Speaker]:
    fair = FAIR_SHARE * max(voice.cues.words for voice in others)
    roles = {therapist.label: Speaker.THERAPIST}
    for voice in others:
        roles[voice.label] = Speaker.PATIENT if voice.cues.words >= fair else Speaker.UNKNOWN
    return roles


def _ranked_voices(utterances: Iterable[Utterance]) -> list[_Voice]:
    """Return the voices that say words, best score first. Only integers are summed, so order can't count."""
    texts: dict[str, list[str]] = {}
    for each in utterances:
        if each.voice:
            texts.setdefault(each.voice, []).append(each.text)
    cues_by_voice = {label: _sum(map(cues_in, said)) for label, said in texts.items()}
    whole = sum(cues.words for cues in cues_by_voice.values())
    voices = [
        _Voice(label, len(texts[label]), cues, _score(cues, cues.words / whole), cues.words / whole)
        for label, cues in cues_by_voice.items()
        if cues.words
    ]
    return sorted(voices, key=lambda voice: (-voice.score, -voice.cues.words, voice.label))


def _sum(parts: Iterable[Cues]) -> Cues:
    total = Cues()
    for each in parts:
        total = total + each
    return total


def _score(cues: Cues, share: float) -> float:
    sentences = max(cues.sentences, cues.words / WORDS_PER_SENTENCE) + FEW
    counts = asdict(cues)
    habits = sum(weight * min(ENOUGH, counts[cue] / sentences) for cue, weight in WEIGHTS.items())
    address = (cues.you - cues.me) / (cues.you + cues.me + FEW)
    return float(habits + ADDRESS * address + BREVITY * (0.5 - share))


def _alone(voice: _Voice) -> Roles:
    over = voice.score - ALONE
    confidence = _confidence(abs(over))
    reasons = ("there is only one voice", *_reasons(voice))
    if confidence < SURE:
        unclear = (*reasons, "it is not clearly the therapist's or the patient's")
        return Roles({voice.label: Speaker.UNKNOWN}, confidence, unclear)
    speaker = Speaker.THERAPIST if over > 0 else Speaker.PATIENT
    return Roles({voice.label: speaker}, confidence, reasons)


def _confidence(difference: float) -> float:
    return min(MOST, round(1 / (1 + math.exp(-difference / SCALE)), 4))


def _reasons(voice: _Voice) -> list[str]:
    cues, name = voice.cues, f"voice {voice.label}"
    leads = cues.phrases + cues.explaining + cues.guiding + cues.reflecting
    return [
        f"{name} asks {_count(cues.questions, 'question')} in {_count(voice.turns, 'turn')}",
        f"{name} speaks of the other {_count(cues.you, 'time')}, of itself {_count(cues.me, 'time')}",
        f"{name} explains, reflects or leads {_count(leads, 'time')}",
        f"{name} tells of its life and feelings {_count(cues.own_life + cues.feelings, 'time')}",
        f"{name} repeats what was said {_count(cues.reported, 'time')}",
        f"{name} seeks advice {_count(cues.seeking, 'time')}",
        f"{name} has {voice.share:.0%} of the words",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
