"""Which voice is the therapist's: right on the dialogues it was tuned on, whoever speaks first.

How often it is right on dialogues it has not seen is in test_roles_unseen.py.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from tests.domain.builders import Turn, a_version, dialogues, spoken, utterances
from therapy.domain.role_cues import cues_in
from therapy.domain.roles import MOST, SURE, Roles, assign_roles, with_roles
from therapy.domain.scoring import to_score
from therapy.domain.talk import voices_of
from therapy.domain.transcript import Speaker, Utterance

SPEAKERS = {"T": Speaker.THERAPIST} | dict.fromkeys(("P", "P1", "P2", "X"), Speaker.PATIENT)
DEMO_FILE = Path(__file__).resolve().parents[2] / "examples" / "session-demo.json"


def demo() -> list[Turn]:
    turns = json.loads(DEMO_FILE.read_text(encoding="utf-8"))
    return [(turn["speaker"][0], turn["text"]) for turn in turns]


ALL = [("demo", demo()), *dialogues("en"), *dialogues("he"), *dialogues("recordings")]
EVERY = pytest.mark.parametrize("turns", [pytest.param(turns, id=name) for name, turns in ALL])
UNUSUAL = [*dialogues("en_unusual"), *dialogues("he_unusual")]
COUPLES = [
    pytest.param(turns, id=name)
    for name, turns in [*ALL, *UNUSUAL]
    if len({who for who, _ in turns}) == 3
]
TWO_VOICES = [turns for _, turns in ALL if len({who for who, _ in turns}) == 2]


def relabelled(turns: list[Turn], names: dict[str, str]) -> list[Turn]:
    return [(names[who], text) for who, text in turns]


@EVERY
def test_every_voice_gets_its_role(turns):
    roles = assign_roles(spoken(turns))
    assert roles.voices == {who: SPEAKERS[who] for who, _ in turns}
    assert SURE <= roles.confidence <= MOST


@pytest.mark.parametrize("language", ["en", "he"])
def test_dialogues_that_break_the_rule_are_nearly_all_right_and_never_wrong(language):
    found = [
        assign_roles(spoken(turns)).voices["T"] for _, turns in dialogues(f"{language}_unusual")
    ]
    assert set(found) <= {Speaker.THERAPIST, Speaker.UNKNOWN}
    assert found.count(Speaker.UNKNOWN) <= 1


@pytest.mark.parametrize("turns", COUPLES)
def test_both_partners_of_a_couple_are_patients(turns):
    assert assign_roles(spoken(turns)).voices == {who: SPEAKERS[who] for who, _ in turns}


@pytest.mark.parametrize("turns", COUPLES)
def test_both_partners_are_scored_and_have_their_own_talk_time(turns):
    said = with_roles(spoken(turns), assign_roles(spoken(turns)))
    version = a_version(utterances=said)
    assert to_score(version) == tuple(at for at, (who, _) in enumerate(turns) if who != "T")
    patients = {
        each.voice: each.talk_ms for each in voices_of(said) if each.speaker is Speaker.PATIENT
    }
    assert set(patients) == {who for who, _ in turns} - {"T"}
    assert min(patients.values()) > 0


def test_there_are_enough_dialogues_in_both_languages():
    for language in ("en", "he"):
        usual, unusual = dialogues(language), dialogues(f"{language}_unusual")
        assert sum(len(turns) >= 8 for _, turns in usual) >= 6
        assert sum(len(turns) >= 8 for _, turns in unusual) >= 20


@EVERY
def test_the_order_of_speaking_changes_nothing(turns):
    expected = assign_roles(spoken(turns))
    shuffled = [random.Random(seed).sample(turns, len(turns)) for seed in range(5)]
    patient_first = sorted(turns, key=lambda turn: turn[0] != "P")
    for order in (*shuffled, patient_first):
        assert assign_roles(spoken(order)) == expected


@EVERY
def test_swapped_labels_swap_the_roles(turns):
    names = {who: who for who, _ in turns} | {"T": "P", "P": "T"}
    swapped = assign_roles(spoken(relabelled(turns, names)))
    assert swapped.voices["T"] is Speaker.PATIENT
    assert swapped.voices["P"] is Speaker.THERAPIST


@given(st.lists(utterances(), max_size=12), st.permutations(["0", "1", "2"]), st.randoms())
def test_relabelling_and_shuffling_change_nothing_whatever_is_said(said, labels, chance):
    names = {"": "", **dict(zip(["0", "1", "2"], labels, strict=True))}
    other = [
        Utterance(
            start_ms=each.start_ms, end_ms=each.end_ms, text=each.text, voice=names[each.voice]
        )
        for each in said
    ]
    chance.shuffle(other)
    before, after = assign_roles(said), assign_roles(other)
    assert after.confidence == before.confidence
    assert after.voices == {names[voice]: who for voice, who in before.voices.items()}
    assert 0.0 <= before.confidence <= 1.0
    assert list(before.voices.values()).count(Speaker.THERAPIST) <= 1


@pytest.mark.parametrize("part", [slice(0, 4), slice(-4, None)], ids=["first four", "last four"])
def test_four_turns_of_the_demo_are_enough(part):
    roles = assign_roles(spoken(demo()[part]))
    assert roles.voices == {"T": Speaker.THERAPIST, "P": Speaker.PATIENT}


@pytest.mark.parametrize("length", [4, 6])
def test_short_parts_are_right_or_left_open_but_never_wrong(length):
    right = total = 0
    for turns in TWO_VOICES:
        for part in (turns[:length], turns[-length:]):
            if len({who for who, _ in part}) < 2:
                continue
            voices = assign_roles(spoken(part)).voices
            wrong = [who for who in voices if voices[who] not in {SPEAKERS[who], Speaker.UNKNOWN}]
            assert not wrong
            total += 1
            right += all(voices[who] is SPEAKERS[who] for who in voices)
    assert right / total >= 0.85


@pytest.mark.slow
def test_one_turn_in_ten_given_to_the_wrong_voice_does_not_turn_the_roles_round():
    chance = random.Random(7)
    for turns in TWO_VOICES * 10:
        wrong = chance.sample(range(len(turns)), max(1, len(turns) // 10))
        noisy = [
            ("TP"[who == "T"] if index in wrong else who, text)
            for index, (who, text) in enumerate(turns)
        ]
        assert assign_roles(spoken(noisy)).voices.get("P") is not Speaker.THERAPIST


@pytest.mark.parametrize(
    "strip", [r"[^\w\s']", r"[?]"], ids=["no punctuation", "no question marks"]
)
def test_a_recogniser_without_punctuation_is_enough(strip):
    for turns in TWO_VOICES:
        bare = [(who, re.sub(strip, "", text).lower()) for who, text in turns]
        roles = assign_roles(spoken(bare))
        assert roles.voices == {"T": Speaker.THERAPIST, "P": Speaker.PATIENT}


def test_utterances_cut_at_every_sentence_are_enough():
    for turns in TWO_VOICES:
        cut = [(who, part) for who, text in turns for part in re.split(r"(?<=[.?!])\s+", text)]
        roles = assign_roles(spoken(cut))
        assert roles.voices == {"T": Speaker.THERAPIST, "P": Speaker.PATIENT}


def test_a_single_voice_is_known_by_what_it_says():
    alone = {who: [turn for turn in demo() if turn[0] == who] for who in "TP"}
    for who, turns in alone.items():
        assert assign_roles(spoken(turns)).voices == {who: SPEAKERS[who]}


def test_a_single_voice_that_shows_nothing_stays_unknown():
    roles = assign_roles(spoken([("0", "The weather was nice on Sunday.")]))
    assert roles.voices == {"0": Speaker.UNKNOWN}
    assert roles.confidence < SURE


def test_two_voices_that_say_the_same_stay_unknown():
    roles = assign_roles(spoken([("0", "How are you?"), ("1", "How are you?")]))
    assert set(roles.voices.values()) == {Speaker.UNKNOWN}
    assert roles.confidence == 0.5


@pytest.mark.parametrize("turns", [[], [("", "How are you?")], [("0", " ?! ")]])
def test_without_words_of_a_known_voice_there_are_no_roles(turns):
    roles = assign_roles(spoken(turns))
    assert roles.voices == {}
    assert roles.confidence == 0.0


def test_a_voice_of_a_few_words_is_nobody_known():
    turns = [*demo(), ("9", "I just brought the coffee."), ("9", "I am leaving.")]
    voices = {"T": Speaker.THERAPIST, "P": Speaker.PATIENT, "9": Speaker.UNKNOWN}
    assert assign_roles(spoken(turns)).voices == voices


def test_every_further_voice_with_a_fair_share_of_the_words_is_a_patient():
    said = [text for who, text in demo() if who == "P"]
    family = [("T", text) for who, text in demo() if who == "T"]
    family += [(f"P{number % 4}", text) for number, text in enumerate(said)]
    voices = assign_roles(spoken(family)).voices
    assert voices == {"T": Speaker.THERAPIST} | {f"P{each}": Speaker.PATIENT for each in range(4)}


def test_roles_are_written_on_every_utterance_and_no_voice_is_nobody():
    said = spoken([("0", "a"), ("1", "b"), ("", "c"), ("9", "d")])
    roles = Roles({"0": Speaker.THERAPIST, "1": Speaker.PATIENT, "": Speaker.PATIENT}, 0.9)
    speakers = [each.speaker for each in with_roles(said, roles)]
    assert speakers == [Speaker.THERAPIST, Speaker.PATIENT, Speaker.UNKNOWN, Speaker.UNKNOWN]


def test_reasons_count_and_quote_nothing():
    roles = assign_roles(spoken(relabelled(demo(), {"T": "1", "P": "0"})))
    assert any(
        re.fullmatch(r"voice 1 asks \d+ questions in 9 turns", each) for each in roles.reasons
    )
    pattern = (
        r"voice [01] (asks \d+ questions? in 9 turns|speaks of the other \d+ times?, of itself \d+ times?"
        r"|(explains, reflects or leads|tells of its life and feelings|repeats what was said"
        r"|seeks advice) \d+ times?|has \d+% of the words)"
    )
    assert all(re.fullmatch(pattern, each) for each in roles.reasons)


@pytest.mark.parametrize(
    ("text", "you", "me"),
    [
        ("You told your mother.", 2, 0),
        ("I'm tired, and my head hurts.", 0, 2),
        ("Thank you, you know.", 0, 0),
        ("אני חושבת שאתה צודק", 1, 1),
        ("ראיתי את הסרט", 0, 1),
        ("את חושבת על העבודה שלך", 2, 0),
        ("זה משמעותי ואמיתי", 0, 0),
        ("לא רציתי להגיד לך", 1, 1),
        ("אָנִי עָיֵף", 0, 1),
    ],
)
def test_who_is_spoken_of(text, you, me):
    cues = cues_in(text)
    assert (cues.you, cues.me) == (you, me)


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("How did that feel? And what happened then?", 2),
        ("how did your week go", 1),
        ("What should I do?", 0),
        ("What I mean is that it hurts.", 0),
        ("מה קרה אחר כך", 1),
        ("מה שקרה היה עצוב.", 0),
        ("האם דיברתם על זה?", 1),
        ("תוכלי לספר עוד", 1),
    ],
)
def test_questions_are_those_to_the_other_person(text, questions):
    assert cues_in(text).questions == questions


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Should I tell my sister? Is it normal to be so tired?", {"seeking": 2, "questions": 0}),
        ("What if it comes back? Do other people have this?", {"seeking": 2, "questions": 0}),
        ("How was it to tell her?", {"open_questions": 1, "questions": 1}),
        ("Was the door open?", {"facts": 1, "open_questions": 0}),
        ("And then she says, how does that make you feel?", {"questions": 0, "reported": 1}),
        ("Your mother said that?", {"reported": 0}),
        ("You get up, you wait, you sit down, you wait.", {"you": 2}),
        ("Sleep is driven by pressure.", {"impersonal": 1}),
        ("He sleeps on the floor every night.", {"impersonal": 0, "third": 1}),
        ("Put both feet on the floor.", {"guiding": 1}),
        ("I did the exercise like you told me.", {"towards": 2}),
        ("My boss shouted, and I couldn't breathe.", {"own_life": 1, "feelings": 1}),
        ("כדאי לי להתקשר? זה נורמלי?", {"seeking": 2, "questions": 0}),
        ("אמרתי לו, איך זה גורם לך להרגיש?", {"questions": 0, "reported": 1}),
        ("השינה באה כשהגוף עייף.", {"impersonal": 1}),
        ("אמא שלי לא מדברת, ואני לא יכול לישון.", {"own_life": 1, "feelings": 1}),
        ("תניח את כפות הרגליים על הרצפה.", {"guiding": 1}),
    ],
)
def test_what_is_counted(text, counts):
    cues = cues_in(text)
    assert {name: getattr(cues, name) for name in counts} == counts


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_any_text_has_cues(text):
    cues = cues_in(text)
    assert 0 <= cues.open_questions <= cues.questions
    assert cues.questions + cues.seeking + cues.impersonal <= cues.sentences
    assert min(astuple(cues)) >= 0
