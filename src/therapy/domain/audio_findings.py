"""What was found about a recording while it was decoded: what is missing, its channels, and remarks.

Every time is an integer number of milliseconds from the start of the recording.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

LEVEL_MS = 100
"""One level of a channel is the loudness of so many milliseconds."""


class Missing(Struct, frozen=True, omit_defaults=True):
    """A stretch of the recording without sound: a hole, damage, or an end that its index promised.

    `reason` is a code: `hole` (its time stamps leave it out), `damaged` (it can't be decoded),
    `cut_off` (its index states more than there is), `too_long` (in earlier versions: 12 hours were heard),
    `between_recordings` (one file ends, the next begins: how much time passed is not known).
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


GAP_MS = 2_000
"""At least so much silence stands between two recordings of a session, so that no sentence spans both."""

BETWEEN_RECORDINGS = "between_recordings"

ONE_LANGUAGE = "one_language"
"""The remark of an engine that was asked for several languages and chose one for the whole recording."""


def next_start(end_ms: int) -> int:
    """Return where the next recording of a session begins if one ends at `end_ms`."""
    return -(-end_ms // LEVEL_MS) * LEVEL_MS + GAP_MS


def joined(starts: Sequence[int], parts: Sequence[AudioFindings], end_ms: int) -> AudioFindings:
    """Return the findings of several recordings on one timeline; part n begins at `starts[n]`.

    `duration_ms` of a part is where it ends, by what was decoded of it.
    """
    missing: list[Missing] = []
    for number, (start, part) in enumerate(zip(starts, parts, strict=True)):
        if number and start:
            end = starts[number - 1] + parts[number - 1].duration_ms
            missing.append(Missing(end, start, BETWEEN_RECORDINGS))
        missing += [
            replace(each, start_ms=start + each.start_ms, end_ms=start + each.end_ms)
            for each in part.missing
        ]
    remarks = dict.fromkeys(remark for part in parts for remark in part.remarks)
    return AudioFindings(
        end_ms, tuple(missing), tuple(remarks), _joined_levels(starts, parts, end_ms)
    )


def _joined_levels(
    starts: Sequence[int], parts: Sequence[AudioFindings], end_ms: int
) -> tuple[bytes, ...]:
    """Return the levels of all parts, if each has as many channels as the others; else none."""
    (channels, *others) = {len(part.levels) for part in parts}
    if others:
        return ()
    ends = (*starts[1:], next_start(end_ms) - GAP_MS)
    return tuple(
        b"".join(
            part.levels[channel].ljust((end - start) // LEVEL_MS, b"\0")
            for part, start, end in zip(parts, starts, ends, strict=True)
        )
        for channel in range(channels)
    )
