"""What was found about a recording while it was decoded: what is missing, and what is on its channels.

Every time is an integer number of milliseconds from the start of the recording.
"""

from msgspec import Struct

LEVEL_MS = 100
"""One level of a channel is the loudness of so many milliseconds."""


class Missing(Struct, frozen=True, omit_defaults=True):
    """A stretch of the recording without sound: a hole, damage, or an end that its index promised.

    `reason` is a code: `hole` (its time stamps leave it out), `damaged` (it can't be decoded),
    `cut_off` (its index states more than there is), `too_long` (more than is heard of a recording).
    """

    start_ms: int
    end_ms: int
    reason: str


class AudioFindings(Struct, frozen=True, omit_defaults=True):
    """What the decoder reports once all of a recording is decoded.

    `remarks` are codes of what a listener should know: `several_tracks`, `inverted_channel`,
    `silent_channel`, `separate_channels`. `levels` are the loudness of each channel, one byte for each
    `LEVEL_MS` (0 = silence, 255 = full scale, in steps of 0.375 dB), only where the channels carry
    different speakers; else there are none.
    """

    duration_ms: int = 0
    missing: tuple[Missing, ...] = ()
    remarks: tuple[str, ...] = ()
    levels: tuple[bytes, ...] = ()
