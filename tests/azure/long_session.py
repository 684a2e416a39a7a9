"""A session of the usual length, 50 minutes and 600 utterances, in words that nobody said: what it costs.

The words are made of Hebrew letters, 1,800 different ones, some far more often than others, as in speech.
"""

import random

from therapy.domain.transcript import Line, Speaker, Utterance, Word

MINUTES = 50
UTTERANCES = 600
EACH_MS = MINUTES * 60_000 // UTTERANCES
DIFFERENT_WORDS = 1_800
PATIENT = "1"
"""The patient's voice; the therapist's is "0"."""
LETTERS = "אבגדהוזחטיכלמנסעפצקרשת"


def heard() -> tuple[Utterance, ...]:
    """What recognition hears: two voices in turn, each word with its times."""
    chance = random.Random(10)
    vocabulary = [
        "".join(chance.choices(LETTERS, k=2 + number % 6)) for number in range(DIFFERENT_WORDS)
    ]
    often = [1 / (rank + 5) for rank in range(DIFFERENT_WORDS)]
    return tuple(
        _utterance(number, chance.choices(vocabulary, often, k=chance.randint(3, 17)), chance)
        for number in range(UTTERANCES)
    )


def _utterance(number: int, texts: list[str], chance: random.Random) -> Utterance:
    at = number * EACH_MS
    step = (EACH_MS - 500) // len(texts)
    words = tuple(
        Word(
            text,
            at + place * step,
            at + (place + 1) * step - chance.randint(10, 80),
            round(chance.uniform(0.5, 1), 2),
        )
        for place, text in enumerate(texts)
    )
    said = f"{' '.join(texts)}."
    voice = str(number % 2)
    return Utterance(
        at,
        words[-1].end_ms,
        said,
        voice=voice,
        confidence=round(chance.uniform(0.6, 1), 3),
        words=words,
    )


def reviewed(utterances: tuple[Utterance, ...]) -> tuple[Line, ...]:
    """What the therapist submits: every tenth line is corrected."""
    return tuple(
        Line(
            Speaker.PATIENT if each.voice == PATIENT else Speaker.THERAPIST,
            each.text if number % 10 else f"כן, {each.text}",
            f"0:{each.start_ms // 60_000:02}:{each.start_ms % 60_000 / 1000:06.3f}",
        )
        for number, each in enumerate(utterances)
    )
