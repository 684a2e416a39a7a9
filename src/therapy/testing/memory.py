"""A complete outside in memory, in one call: a fake of every port, with a clock that a test moves."""

import itertools
from collections.abc import Sequence

from therapy.adapters.memory.attempt_limits import MemoryAttemptLimits
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.adapters.memory.insights import MemoryInsightFinder
from therapy.adapters.memory.mail import MemoryMail
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.adapters.memory.people_index import MemoryPeopleIndex
from therapy.adapters.memory.push import MemoryPushSender
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.session_events import MemorySessionEvents
from therapy.adapters.memory.session_index import MemorySessionIndex
from therapy.adapters.memory.speech import MemorySpeech
from therapy.adapters.memory.store import MemoryStore
from therapy.adapters.memory.tokens import MemoryTokens
from therapy.domain.transcript import Utterance
from therapy.testing.clock import Clock
from therapy.workflows.engines import Engines
from therapy.workflows.installation import Ports


def memory_ports(*, said: Sequence[Utterance] = (), clock: Clock | None = None) -> Ports:
    """Return one fake of each port; `said` is what the speech engine recognises in any recording.

    Ids and secrets count up from 1, so that a test can name them. Replace single ports with
    `dataclasses.replace(memory_ports(), mail=…)`, engines with `Engines` of one's own.
    """
    time, numbers = clock or Clock(), itertools.count(1)
    return Ports(
        store=MemoryStore(time),
        session_index=MemorySessionIndex(),
        people_index=MemoryPeopleIndex(),
        recordings=MemoryRecordings(now=time),
        engines=Engines(
            MemoryAudioDecoder(), MemorySpeech(said), MemorySentiment(), MemoryInsightFinder()
        ),
        doorbell=MemoryDoorbell(),
        session_events=MemorySessionEvents(),
        push=MemoryPushSender(),
        mail=MemoryMail(),
        attempt_limits=MemoryAttemptLimits(),
        passwords=MemoryPasswords(),
        tokens=MemoryTokens(),
        now=time,
        new_id=lambda: f"id-{next(numbers)}",
        new_secret=lambda: f"secret-{next(numbers)}",
    )
