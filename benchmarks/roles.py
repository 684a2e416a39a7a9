"""How sure the rule of roles is, and how often it is right then: counts over the invented dialogues.

Prints one line per step of confidence for the dialogues it was tuned on and for those it was not, never a
word of them. Couples count once.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src")]

from therapy.domain.roles import SURE, assign_roles  # noqa: E402 - found by the line above
from therapy.domain.transcript import Speaker, Utterance  # noqa: E402 - as above

HALVES = {"tuning": "dialogues", "unseen": "dialogues_unseen"}
STEPS = (0.5, SURE, 0.7, 0.8, 0.9)


def dialogues(folder: Path) -> list[dict[str, Any]]:
    """Return the dialogues of a folder: a file holds one, or a list of them."""
    stored = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
    ]
    return [each for one in stored for each in (one if isinstance(one, list) else [one])]


def outcome(dialogue: dict[str, Any]) -> tuple[float, str]:
    """Return the step of the confidence, and whether the therapist is the voice that scores best."""
    said = [
        Utterance(start_ms=0, end_ms=1, text=text, voice=who) for who, text in dialogue["turns"]
    ]
    roles = assign_roles(said)
    step = max(each for each in STEPS if roles.confidence >= each)
    found = {Speaker.THERAPIST: "right", Speaker.UNKNOWN: "unknown"}
    return step, found.get(roles.voices["T"], "wrong")


def main() -> None:
    """Print the table."""
    print("dialogues  confidence from  right  wrong  unknown")
    for half, folder in HALVES.items():
        counts = Counter(outcome(each) for each in dialogues(ROOT / "tests" / "domain" / folder))
        for step in STEPS:
            right, wrong, unknown = (
                counts[step, result] for result in ("right", "wrong", "unknown")
            )
            print(f"{half:9}  {step:15}  {right:5}  {wrong:5}  {unknown:7}")


if __name__ == "__main__":
    main()
