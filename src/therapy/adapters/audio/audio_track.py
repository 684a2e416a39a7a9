"""Extracts the sound of an untrusted recording with PyAV, at the time at which a player plays it.

What a header states about lengths is a hint: all that can be decoded is yielded, and what is missing is
reported. Only a recording without any decodable sound is broken (UndecodableAudio).
"""

from collections.abc import Callable, Generator, Iterator

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from therapy.adapters.audio.containers import opened, playable
from therapy.adapters.audio.findings import LEAST_MS, Findings, stated_ms
from therapy.adapters.audio.pcm_output import PcmOutput
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.adapters.audio.timeline import Overlap, Silence, Sound, Timeline
from therapy.adapters.audio.track_choice import chosen, only
from therapy.domain import media
from therapy.domain.audio_findings import AudioFindings
from therapy.domain.errors import TooLarge, UndecodableAudio, UnsupportedAudio
from therapy.domain.media_headers import ID3_HEADER, tags_length
from therapy.ports.audio import LONGEST_MS

CHUNK_BYTES = 1 << 17
"""Bytes in a chunk, about four seconds of samples."""

OWN_CLOCK = (media.TS, media.PS, media.ASF)
"""Containers whose clock starts anywhere: a player counts from the first time stamp."""

LATEST_START_S = 600
"""Where a recording begins later than this by its time stamps, they count from something else."""

COUNTED = (media.MPEG, media.AAC, media.LOAS, media.AC3, media.DTS)
"""Streams of frames whose time stamps are only counted: lost bytes don't show in them."""

QUIET_CODECS = ("amr",)
"""Codecs that send small packets for silence, which FFmpeg does not decode."""

QUIET_BYTES = 8
TAGS_BYTES = 1_024
"""So much is looked at for tags between two recordings that were joined."""

LEAST_BYTES = 250
"""A length is believed of a recording that has more bytes than this for each second of it."""

COUNTED_BY_SIZE = (media.WAV, media.W64)
"""Containers whose length FFmpeg works out from the bytes that are there."""

MOST_ERRORS = 100
"""After so many errors of the container in turn, the rest of the file is given up."""


def look_for_audio(file: RangedFile, longest_ms: int = LONGEST_MS) -> int:
    """Check that there is a track that can be decoded; return its length in ms by its headers, 0 if unknown.

    What can't be opened passes.

    Raises:
        UnsupportedAudio: it is not a container of ours, or has no track that can be decoded.
        TooLarge: the first track lasts longer than `longest_ms`, by its packets if the file is small, else by
            headers that can be believed.
    """
    media.sniff(file.peek(0, media.SNIFF_BYTES))
    try:
        with opened(file) as (container, kind, inner):
            first = playable(container)[0]
            stated = _certain_ms(inner, container, first, kind)
            plausible = inner.size > stated / 1000 * LEAST_BYTES
            if inner.size <= longest_ms / 1000 * LEAST_BYTES:  # only a trick makes it too long
                stated, plausible = _packets_ms(container, first, kind, longest_ms), True
            if stated > longest_ms and plausible:
                raise TooLarge("too_long", longest=longest_ms // 1000)
            return stated or max(0, (container.duration or 0) // 1000)
    except UndecodableAudio as error:
        if error.details.get("reason") == "container":  # behind its tags is something else
            raise UnsupportedAudio from None
        return 0


def pcm_chunks(
    file: RangedFile,
    report: Callable[[AudioFindings], None],
    longest_ms: int = LONGEST_MS,
) -> Generator[bytes, None, None]:
    """Yield the sound as 16 kHz mono s16 in chunks of at most `CHUNK_BYTES`, then report what was found.

    Raises:
        UndecodableAudio: there is no sound that can be decoded.
        RecordingTooLong: it lasts longer than `longest_ms`.
    """
    with opened(file) as (container, kind, inner):
        try:
            tracks = playable(container)
        except UnsupportedAudio as error:
            reason = error.details.get("format", "no_audio")
            raise UndecodableAudio(reason="no_audio" if reason == "no_sound" else "codec") from None
        number = chosen(inner.beginning_at(0), tracks)
        stream = next(each for each in tracks if each.index == number)
        output = PcmOutput(longest_ms)
        track = _Track(inner, container, stream, kind, tracks=len(tracks), output=output)
        pending = bytearray()
        for samples in track.samples():
            pending += samples
            while len(pending) >= CHUNK_BYTES:
                yield bytes(pending[:CHUNK_BYTES])
                del pending[:CHUNK_BYTES]
        if pending:
            yield bytes(pending)
        report(track.found())


def _packets_ms(container: InputContainer, stream: AudioStream, kind: str, enough_ms: int) -> int:
    """Return how long the packets of a track last, undecoded; stop once that is more than enough."""
    only(container, {stream.index})
    lasting, unit = 0, float(stream.time_base or 0) * 1000
    try:
        for packet in container.demux(stream):
            lasting += packet.duration or 0
            if kind in (*COUNTED, media.FLAC):  # FFmpeg counts; of FLAC it knows no durations
                lasting = max(lasting, packet.pts or 0)
            if lasting * unit > enough_ms:
                break
    except MemoryError:  # FFmpeg's is both
        raise
    except av.FFmpegError:
        pass
    return int(lasting * unit)


def _certain_ms(file: RangedFile, container: InputContainer, stream: AudioStream, kind: str) -> int:
    """Return how long a recording is, as far as that is certain before it is decoded; else 0."""
    if kind in COUNTED_BY_SIZE:
        return max(0, (container.duration or 0) // 1000)
    return stated_ms(file, container, stream, kind)


class _Track:
    """One pass over one track."""

    def __init__(
        self,
        file: RangedFile,
        container: InputContainer,
        stream: AudioStream,
        kind: str,
        *,
        tracks: int,
        output: PcmOutput,
    ) -> None:
        self._file = file
        self._container, self._stream, self._kind = container, stream, kind
        self._timeline = Timeline(self._origin())
        self._output = output
        self._findings = Findings(file, container, stream, kind)
        self._tracks = tracks
        self._why = "hole"
        self._lost = self._good = self._good_end = 0
        self._seconds = 0.0

    def samples(self) -> Iterator[bytes]:
        """Yield samples until the end.

        Raises:
            UndecodableAudio: nothing could be decoded, and there should be something.
        """
        for sound in self._sounds():
            yield from self._put(self._timeline.take(sound))
        yield from self._put(self._timeline.finish())
        yield self._output.rest()
        if not self._output.placed and (self._lost or self._findings.stated_ms >= LEAST_MS):
            raise UndecodableAudio(reason="damaged" if self._lost else "cut_off")

    def found(self) -> AudioFindings:
        """Return what is known once all samples are out."""
        remarks = ("several_tracks",) if self._tracks > 1 else ()
        return self._findings.complete(self._output, remarks)

    def _origin(self) -> float:
        """Return the time stamp, in seconds, that a player shows as 0."""
        seconds = (self._container.start_time or 0) / 1_000_000
        return seconds if self._kind in OWN_CLOCK or not 0 <= seconds < LATEST_START_S else 0.0

    def _put(self, steps: Iterator[Silence | Overlap | Sound]) -> Iterator[bytes]:
        for step in steps:
            match step:
                case Silence(until, why):
                    before = self._output.placed
                    yield from self._output.silence(until)
                    self._findings.hole(before, self._output.placed, why)
                case Overlap(back_to):
                    yield from self._output.silence(back_to)
                case Sound(frame):
                    try:
                        yield from self._output.sound(frame)
                    except (av.FFmpegError, ValueError):  # a shape that no filter takes
                        self._why, self._lost = "damaged", self._lost + 1

    def _sounds(self) -> Iterator[Sound]:
        for packet in self._packets():
            try:
                frames = packet.decode()
            except MemoryError:  # FFmpeg's is both
                raise
            except av.FFmpegError:
                self._note_loss(packet)
                continue
            if frames:
                self._make_up(packet)
            self._good += packet.size
            yield from (self._sound(each) for each in frames if each.samples and each.sample_rate)

    def _sound(self, frame: AudioFrame) -> Sound:
        at = None
        if frame.pts is not None and frame.time_base is not None and self._kind not in COUNTED:
            at = float(frame.pts * frame.time_base)
        seconds = frame.samples / frame.sample_rate
        self._seconds += seconds
        why, self._why = self._why, "hole"
        return Sound(frame, at, seconds, why)

    def _packets(self) -> Iterator["Packet[AudioStream]"]:
        """Yield the track's packets; an error in the container skips what it concerns."""
        only(self._container, {self._stream.index})
        for _ in range(MOST_ERRORS):
            try:
                yield from self._container.demux(self._stream)
                return
            except (av.error.EOFError, av.error.ExitError):
                return
            except MemoryError:
                raise
            except av.FFmpegError:
                self._why = "damaged"
                self._lost += 1

    def _note_loss(self, packet: "Packet[AudioStream]") -> None:
        if self._stream.codec_context.name.startswith(QUIET_CODECS) and packet.size < QUIET_BYTES:
            self._why = "quiet"
            return
        self._why = "damaged"
        self._lost += max(1, packet.size)

    def _make_up(self, packet: "Packet[AudioStream]") -> None:
        """Let bytes between packets, other than tags, take their time, where time stamps don't show it."""
        if self._kind not in COUNTED or packet.pos is None or packet.pos < 0:
            return
        lost = packet.pos - self._good_end if self._good_end else 0
        if lost > ID3_HEADER:
            lost -= tags_length(self._file.peek(self._good_end, TAGS_BYTES))
        self._good_end = packet.pos + packet.size
        if lost > 0 and self._good:
            seconds = lost * self._seconds / self._good
            if seconds >= LEAST_MS / 1000:
                self._timeline.lose(seconds)
                self._why = "damaged"
