"""Where the timeline puts frames: a table of time stamps, and what comes of them."""

import pytest
from av.audio.frame import AudioFrame

from therapy.adapters.audio.timeline import Overlap, Silence, Sound, Timeline

FRAME = AudioFrame(format="s16", layout="mono", samples=160)
SECONDS = 0.1


def placed(stamps: list[float | None], origin: float = 0.0) -> list[float]:
    """Where frames of 0.1 s with these time stamps are played."""
    timeline = Timeline(origin)
    found, at = [], 0.0
    steps = [step for stamp in stamps for step in timeline.take(Sound(FRAME, stamp, SECONDS))]
    for step in [*steps, *timeline.finish()]:
        match step:
            case Silence(until, _):
                at = until
            case Overlap(back_to):
                at = back_to
            case Sound():
                found.append(round(at, 3))
                at += SECONDS
    return found


@pytest.mark.parametrize(
    ("stamps", "places"),
    [
        ([0, 0.1, 0.2], [0, 0.1, 0.2]),
        ([None, None, None], [0, 0.1, 0.2]),
        ([0, 0.13, 0.2], [0, 0.1, 0.2]),
        ([0, 0.5, 0.6], [0, 0.5, 0.6]),
        ([0, 5, 5.1], [0, 5, 5.1]),
        ([3, 3.1, 3.2], [3, 3.1, 3.2]),
        ([0, 500, 0.2, 0.3], [0, 0.1, 0.2, 0.3]),
        ([0, 0.1, 0.2, 500], [0, 0.1, 0.2, 0.3]),
        ([0, 500, 900, 0.3], [0, 0.1, 0.2, 0.3]),
        ([5, 5.1, 0, 0.1, 0.2], [5, 5.1, 5.2, 5.3, 5.4]),
        ([0, 0.1, 0.2, 0.1, 0.2], [0, 0.1, 0.2, 0.1, 0.2]),
        ([0, None, 9, None], [0, 0.1, 0.2, 0.3]),
    ],
    ids=[
        "in order",
        "none",
        "a little late",
        "a short hole",
        "a long hole",
        "a late start",
        "one that is wrong",
        "a wrong last one",
        "two that are wrong",
        "a clock set back",
        "an overlap",
        "none that confirms a jump",
    ],
)  # fmt: skip
def test_frames_stand_where_their_time_stamps_say_if_these_make_sense(stamps, places):
    assert placed(stamps) == pytest.approx(places)


def test_time_counts_from_the_origin():
    assert placed([100.5, 100.6], origin=100.0) == pytest.approx([0.5, 0.6])


def test_errors_that_are_too_small_to_hear_don_t_add_up():
    found = placed([each * 0.103 for each in range(300)])
    assert all(abs(at - each * 0.103) < 0.15 for each, at in enumerate(found))


def test_lost_sound_takes_its_time():
    timeline = Timeline(0.0)
    list(timeline.take(Sound(FRAME, None, SECONDS)))
    timeline.lose(2.0)
    steps = [*timeline.take(Sound(FRAME, None, SECONDS, "damaged"))]
    assert steps[0] == Silence(2.1, "damaged")
    assert timeline.clock == pytest.approx(2.2)
