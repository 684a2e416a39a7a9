"""Where each piece of sound stands: the time stamps of a recording rule, small errors in them do not.

Every time is in seconds of the recording. Time stamps that jitter, or round, are followed only when they
are off by more than a listener hears; a jump is believed only once the next time stamp confirms it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from av.audio.frame import AudioFrame

LATE = 0.06
"""A frame that is later than this by its time stamp has a hole in front of it."""

EARLY = 0.1
"""A frame that is earlier than this overlaps what was there before, and is cut."""

JUMP = 1.0
"""Time stamps that are off by more may be wrong: the next one decides."""


@dataclass(frozen=True)
class Silence:
    """There is no sound until `until`; `why` as in `Sound`."""

    until: float
    why: str


@dataclass(frozen=True)
class Overlap:
    """The next sound begins again at `back_to`."""

    back_to: float


@dataclass(frozen=True)
class Sound:
    """A frame, its time stamp (None: right behind the last one), and its length.

    `why` says what may be in front of it: `hole` (nothing), `damaged` (sound that can't be decoded) or
    `quiet` (packets that stand for silence).
    """

    frame: AudioFrame
    at: float | None
    seconds: float
    why: str = "hole"


Step = Silence | Overlap | Sound


class Timeline:
    """Puts frames in their places, one after the other."""

    def __init__(self, origin: float) -> None:
        self.clock = 0.0
        self._origin = origin
        self._pending: Sound | None = None
        self._lost = 0.0

    def lose(self, seconds: float) -> None:
        """Let the next frame be later by so much, and all that follow it."""
        self._lost += seconds

    def take(self, sound: Sound) -> Iterator[Step]:
        """Yield what to do, in order; a frame whose time stamp jumps waits for the next one."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            yield from self._settled(pending, sound)
        if self._lost:
            lost, self._lost = self._lost, 0.0
            self._origin -= lost
            yield from self._after_hole(sound, lost)
        elif sound.at is not None and abs(self._off(sound)) > JUMP:
            self._pending = sound
        else:
            yield from self._placed(sound)

    def finish(self) -> Iterator[Step]:
        """Yield what to do with the frame that still waits."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            yield from self._appended(pending)

    def _off(self, sound: Sound) -> float:
        return 0.0 if sound.at is None else sound.at - self._origin - self.clock

    def _settled(self, pending: Sound, after: Sound) -> Iterator[Step]:
        """Place a frame after a jump: there if the next one follows it, else where it came."""
        confirmed = (
            pending.at is not None
            and after.at is not None
            and abs(after.at - pending.at - pending.seconds) < JUMP
        )
        if not confirmed:
            yield from self._appended(pending)
            return
        off = self._off(pending)
        if off < 0:  # another recording was joined to this one, or its clock was set back
            self._origin += off
            yield from self._appended(pending)
        else:
            yield from self._after_hole(pending, off)

    def _placed(self, sound: Sound) -> Iterator[Step]:
        off = self._off(sound)
        if off > LATE or (sound.why != "hole" and off > 0):
            yield from self._after_hole(sound, off)
            return
        if off < -EARLY:
            self.clock += off
            yield Overlap(self.clock)
        yield from self._appended(sound)

    def _after_hole(self, sound: Sound, seconds: float) -> Iterator[Step]:
        self.clock += seconds
        yield Silence(self.clock, sound.why)
        yield from self._appended(sound)

    def _appended(self, sound: Sound) -> Iterator[Step]:
        self.clock += sound.seconds
        yield sound
