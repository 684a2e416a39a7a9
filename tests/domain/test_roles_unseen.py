"""How often the rule of roles is right on dialogues that it was not tuned on.

Their author had not seen the rule, and its author has not read them: please keep it so, and look at counts
only. dialogues_unseen/README.md says how they were made.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.domain.builders import Turn, spoken
from therapy.domain.roles import MOST, assign_roles
from therapy.domain.transcript import Speaker

UNSEEN = Path(__file__).parent / "dialogues_unseen"


def unseen(*, people: int) -> list[list[Turn]]:
    """Return the unseen dialogues of so many people."""
    stored = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(UNSEEN.glob("*.json"))
    ]
    dialogues = [[(who, text) for who, text in each["turns"]] for each in stored]
    return [turns for turns in dialogues if len({who for who, _ in turns}) == people]


def outcome(turns: list[Turn]) -> tuple[str, float]:
    """Return whether the therapist was found, and the confidence of that."""
    roles = assign_roles(spoken(turns))
    found = {Speaker.THERAPIST: "right", Speaker.UNKNOWN: "unknown"}
    return found.get(roles.voices["T"], "wrong"), roles.confidence


def test_the_therapist_is_found_and_seldom_confused():
    outcomes = [outcome(turns) for turns in unseen(people=2)]
    counts = Counter(result for result, _ in outcomes)
    assert counts.total() == 24
    assert counts["wrong"] <= 2, counts
    assert counts["right"] >= 13, counts


def test_nothing_is_wrong_with_confidence():
    wrong = [
        confidence for result, confidence in map(outcome, unseen(people=2)) if result == "wrong"
    ]
    assert sum(confidence >= 0.7 for confidence in wrong) == 0


@pytest.mark.parametrize("index", [0, 1])
def test_both_partners_of_a_couple_are_patients(index):
    turns = unseen(people=3)[index]
    voices = assign_roles(spoken(turns)).voices
    assert voices == {"T": Speaker.THERAPIST, "P1": Speaker.PATIENT, "P2": Speaker.PATIENT}


def test_the_confidence_is_never_certainty():
    assert max(confidence for _, confidence in map(outcome, unseen(people=2))) <= MOST
