"""A sample of what is kept of a session's playback, and all that have files of their own."""

from typing import Any

from tests.builders import NOW, a_session
from tests.repositories.attempt_samples import ATTEMPT_SAMPLES
from tests.repositories.draft_samples import DRAFT_SAMPLES
from therapy.domain.playback import Playback
from therapy.repositories.playbacks import Playbacks

PLAYBACK_SAMPLES: dict[str, dict[str, Any]] = {
    "playback": {
        "repository": Playbacks,
        "record": Playback("c1", "audio/mp4", 9_000, "a1", "p1", 1_000, NOW),
        "write": lambda repository, record, place: repository.write(
            a_session(id=place.name, practice_id=place.practice), record
        ),
        "load": lambda repository, place: repository.of_session(place.practice, place.name),
        "taken": None,
        "stale": None,
        "text": "media_type",
    },
}

MORE_SAMPLES = ATTEMPT_SAMPLES | DRAFT_SAMPLES | PLAYBACK_SAMPLES
