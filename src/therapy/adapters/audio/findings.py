"""Collects what is missing in a recording, and compares its length with what its headers state."""

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from therapy.adapters.audio.containers import HEAD_BYTES
from therapy.adapters.audio.pcm_output import PcmOutput
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.domain import media, media_headers
from therapy.domain.audio_findings import AudioFindings, Missing
from therapy.ports.audio import SAMPLE_RATE

LEAST_MS = 500
"""A shorter stretch is not missed: pauses that codecs leave out, padding and rounding of encoders."""

NEAR_MS = 300
"""Damage with less than this in between is one stretch."""

MOST_MISSING = 1_000
"""So many stretches are listed at most."""

BELIEVED = 20
"""A length that is more than so many times what is there, and a minute, is no length."""

SHARES = {
    media.WAV: media_headers.wav_share,
    media.W64: media_headers.w64_share,
    media.AVI: media_headers.avi_share,
    media.CAF: media_headers.caf_share,
}
"""How many times as many bytes of sound a header states as there are, by container."""

STATED_BY_TRACK = (media.MP4, media.AIFF, media.AVI, media.AU)
STATED_BY_CONTAINER = (media.FLAC, media.FLV, media.APE, media.TTA, media.WAVPACK)
_WEBM_DURATION = b"\x44\x89"


class Findings:
    """What is found out while one track is decoded; `stated_ms` is where it ends by its own headers."""

    def __init__(
        self, file: RangedFile, container: InputContainer, stream: AudioStream, kind: str
    ) -> None:
        self._missing: list[Missing] = []
        self.stated_ms = stated_ms(file, container, stream, kind)
        head = file.peek(0, HEAD_BYTES)
        self._share = SHARES[kind](head, file.size) if kind in SHARES else 1.0

    def hole(self, start: int, end: int, why: str) -> None:
        """Note that there is no sound between two positions in samples; `why` as in `timeline.Sound`."""
        if why == "quiet":
            return
        found = Missing(_ms(start), _ms(end), why)
        damaged = why == "damaged"
        last = self._missing[-1] if self._missing else None
        if damaged and last is not None and last.reason == found.reason:
            if found.start_ms - last.end_ms < NEAR_MS:
                self._missing[-1] = Missing(last.start_ms, found.end_ms, last.reason)
                return
            if last.end_ms - last.start_ms < LEAST_MS:
                self._missing.pop()
        if damaged or end - start >= LEAST_MS * SAMPLE_RATE // 1000:
            self._missing.append(found)

    def complete(self, output: PcmOutput, remarks: tuple[str, ...]) -> AudioFindings:
        """Return all that was found, once the output is complete."""
        end = _ms(output.placed)
        missing = [each for each in self._missing if each.end_ms - each.start_ms >= LEAST_MS]
        missing = missing[:MOST_MISSING]
        stated = int(end * self._share) if self._share > 1 else self.stated_ms
        if end + LEAST_MS <= stated <= min(output.longest_ms, BELIEVED * end + 60_000):
            missing.append(Missing(end, stated, "cut_off"))
        return AudioFindings(end, tuple(missing), (*remarks, *output.remarks), output.levels)


def _ms(samples: int) -> int:
    return samples * 1000 // SAMPLE_RATE


def stated_ms(file: RangedFile, container: InputContainer, stream: AudioStream, kind: str) -> int:
    """Return where the recording ends by its own headers; 0 if they don't say it, or only guess."""
    if kind == media.MPEG:
        return media_headers.mpeg_promise_ms(file.peek(0, 512))
    head = file.peek(0, HEAD_BYTES)
    if kind == media.ASF:  # its clock may start later
        return media_headers.asf_stated_ms(head) - max(0, container.start_time or 0) // 1000
    if kind in STATED_BY_TRACK:
        return max(_end_ms(each) for each in container.streams if _is_shown(each, stream))
    if kind in STATED_BY_CONTAINER or (kind == media.WEBM and _WEBM_DURATION in head):
        return max(0, (container.duration or 0) // 1000)
    return 0


def _is_shown(each: object, stream: AudioStream) -> bool:
    """Return whether a stream lasts as long as the recording: its sound, and a moving picture."""
    if each is stream:
        return True
    disposition = getattr(each, "disposition", Disposition(0))
    return getattr(each, "type", "") == "video" and not disposition & Disposition.attached_pic


def _end_ms(stream: object) -> int:
    duration, base = getattr(stream, "duration", None), getattr(stream, "time_base", None)
    if duration is None or base is None:
        return 0
    return int(((getattr(stream, "start_time", None) or 0) + duration) * base * 1000)
