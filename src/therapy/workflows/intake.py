"""What receiving recordings needs, by whatever path they come."""

from dataclasses import dataclass, field
from datetime import timedelta

from therapy.ports.audio import LONGEST_MS, AudioDecoder
from therapy.ports.recordings import Recordings
from therapy.repositories.records import Records
from therapy.workflows.decoding_turns import DecodingTurns
from therapy.workflows.upload_limits import UploadLimits
from therapy.workflows.waiting_list import WaitingList


@dataclass(frozen=True)
class Intake:
    """What receiving recordings needs: where they are stored, what checks them, and the limits.

    In `waiting_list` they wait to be transcribed; `limits` are for all uploads, `max_bytes` is for one
    recording, and `expiry` how long an upload may stand still, one that can be resumed `resumable_for`.
    `languages` (BCP 47) are recognised if an upload names none, and `people` speak if it does not say how
    many (0 = not known). A recording may last `longest_ms`. `turns` are told of each block
    that arrives.
    """

    records: Records
    recordings: Recordings
    audio: AudioDecoder
    waiting_list: WaitingList
    limits: UploadLimits
    max_bytes: int = 2 * 1024**3
    expiry: timedelta = timedelta(hours=1)
    resumable_for: timedelta = timedelta(days=1)
    languages: tuple[str, ...] = ("he-IL", "en-US")
    people: int = 0
    longest_ms: int = LONGEST_MS
    turns: DecodingTurns = field(default_factory=DecodingTurns)
