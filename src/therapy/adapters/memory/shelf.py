"""What sessions, runs and outbox share: one partition per session, changed whole or not at all."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Partition:
    """All that is stored of one session; insertion order is the order of writing."""

    session: bytes | None = None
    transcripts: dict[int, bytes] = field(default_factory=dict)
    runs: dict[str, bytes] = field(default_factory=dict)
    outbox: dict[str, bytes] = field(default_factory=dict)


class MemoryShelf:
    """Partitions by practice and session; hand the same one to the three stores."""

    def __init__(self) -> None:
        self.partitions: defaultdict[tuple[str, str], Partition] = defaultdict(Partition)
