"""Which voice is the therapist's: an explainable rule that looks only at what is said.

Each voice gets a score from shares of its words and sentences: how many ask the other person
something, whether it speaks of the other person ("you") or of itself ("I"), how often it uses a
therapist's phrases and, with little weight, how little it talks. The confidence is the logistic
function of the difference between the two best scores. Neither the order of speaking nor the engine's
labels count. English and Hebrew cues are used together; neither matches the other's script.
"""

import math
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.role_cues import Cues, cues_in
from therapy.domain.transcript import Speaker, Utterance

SURE = 0.7
"""Below this confidence no voice gets a role: a wrong name on every line is worse than none."""

ASKING, ADDRESS, PHRASES, BREVITY = 3.0, 3.0, 4.0, 0.5
"""The weight of each share in a voice's score: set by hand, before tests/domain/dialogues was written.

They get all of those dialogues right, and that is all they show: the confidence is not calibrated
on real sessions.
"""

FEW = 3.0
"""Added to the denominator of each share, so that a voice with two sentences proves little."""

ALONE = 0.3
"""The score from which a single voice is more likely a therapist's than a patient's."""


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

    The therapist is the voice that scores clearly best, the patient the one with the most words among
    the others; further voices are Unknown, and all of them are if no voice is clearly best.
    """
    voices = _ranked_voices(utterances)
    if not voices:
        return Roles({}, 0.0, ("no voice says any words",))
    if len(voices) == 1:
        return _alone(voices[0])
    confidence = round(_logistic(voices[0].score - voices[1].score), 4)
    reasons = tuple(reason for voice in voices for reason in _reasons(voice))
    roles = dict.fromkeys((voice.label for voice in voices), Speaker.UNKNOWN)
    if confidence < SURE:
        return Roles(roles, confidence, (*reasons, "no voice is clearly the therapist's"))
    roles[voices[0].label] = Speaker.THERAPIST
    most = max(voice.cues.words for voice in voices[1:])
    patients = [voice for voice in voices[1:] if voice.cues.words == most]
    if len(patients) == 1:
        roles[patients[0].label] = Speaker.PATIENT
    return Roles(roles, confidence, reasons)


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
    asking = cues.questions / (cues.sentences + FEW)
    address = (cues.you - cues.me) / (cues.you + cues.me + FEW)
    phrases = min(1.0, cues.phrases / (cues.sentences + FEW))
    return ASKING * asking + ADDRESS * address + PHRASES * phrases + BREVITY * (0.5 - share)


def _alone(voice: _Voice) -> Roles:
    chance = _logistic(voice.score - ALONE)
    confidence = round(max(chance, 1 - chance), 4)
    reasons = ("there is only one voice", *_reasons(voice))
    if confidence < SURE:
        return Roles({voice.label: Speaker.UNKNOWN}, confidence, reasons)
    speaker = Speaker.THERAPIST if chance > 0.5 else Speaker.PATIENT
    return Roles({voice.label: speaker}, confidence, reasons)


def _logistic(difference: float) -> float:
    return 1 / (1 + math.exp(-difference))


def _reasons(voice: _Voice) -> list[str]:
    cues, name = voice.cues, f"voice {voice.label}"
    return [
        f"{name} asks {_count(cues.questions, 'question')} in {_count(voice.turns, 'turn')}",
        f"{name} speaks of the other {_count(cues.you, 'time')}, of itself {_count(cues.me, 'time')}",
        f"{name} uses {_count(cues.phrases, 'phrase')} of a therapist",
        f"{name} has {voice.share:.0%} of the words",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
