"""One script of faults for every emulator: what goes wrong, on which call, how often, by what chance."""

from __future__ import annotations

import dataclasses
import fnmatch
import random
import threading
from collections import Counter
from typing import Any


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that goes wrong on calls whose name fits the glob `on`.

    `times` is how often, None for always; `chance` is how likely, each time. What there is of `kind`
    each emulator says in its module; `status` answers that status everywhere.
    """

    on: str = "*"
    kind: str = "status"
    status: int = 500
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    message: str = ""
    seconds: float = 0.0
    times: int | None = 1
    chance: float = 1.0

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


class Faults:
    """Faults in the order they are to be met; each call takes the first that fits, if one does.

    Chance comes from a seed, so that a run can be repeated. `struck` counts what happened, by kind or
    status. Used from the fake's thread and the test's.
    """

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._script: list[Fault] = []
        self._random = random.Random(seed)
        self.struck: Counter[str] = Counter()

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._script.extend(faults)

    def clear(self, seed: int = 0) -> None:
        with self._lock:
            self._script = []
            self._random = random.Random(seed)
            self.struck = Counter()

    def take(self, name: str) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._script):
                if fnmatch.fnmatchcase(name, fault.on) and self._random.random() < fault.chance:
                    if fault.times is not None:
                        left = dataclasses.replace(fault, times=fault.times - 1)
                        self._script[index : index + 1] = [left] if left.times else []
                    self.struck[str(fault.status) if fault.kind == "status" else fault.kind] += 1
                    return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_json() for fault in self._script]
