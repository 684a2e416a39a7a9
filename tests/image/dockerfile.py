"""The Dockerfile as a list of instructions, with continued lines joined and comments left out."""

import json
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CONTINUED = "\\\n"


class Instruction(NamedTuple):
    """One instruction: `COPY`, and what is behind it."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)


def instructions() -> list[Instruction]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    several = text.replace(CONTINUED, "").splitlines()
    split = (line.partition(" ") for line in several if line.strip())
    return [Instruction(name, rest.strip()) for name, _, rest in split]


def last_stage() -> list[Instruction]:
    """What makes the image that runs."""
    all_of_them = instructions()
    begins = max(place for place, each in enumerate(all_of_them) if each.name == "FROM")
    return all_of_them[begins:]


def only(name: str) -> str:
    """The text of the one such instruction of the last stage."""
    (found,) = (each.text for each in last_stage() if each.name == name)
    return found


def variables() -> dict[str, str]:
    """What the image sets in the environment."""
    pairs = (word.partition("=") for word in shlex.split(only("ENV")))
    return {name: text for name, _, text in pairs}


def health_check() -> list[str]:
    """The command that asks a container whether it is well."""
    return json.loads(only("HEALTHCHECK").partition(" CMD ")[2])
