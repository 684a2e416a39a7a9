"""The file that browsers play: where a sound stands in it, how long it says that it is, and its peaks."""

import asyncio
import os
import sys
from array import array
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from tests import media
from tests.audio.decoding import decoded_here, reader, wav
from tests.builders import a_wav
from tests.workflows.playing import (
    AT_ONCE,
    RATE,
    boxes,
    likeness,
    played,
    played_from,
    recording,
    sound,
    stated_seconds,
)
from therapy.adapters.audio import PyAvAudioDecoder, child_messages
from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.playback import ENCODER_MEMORY
from therapy.adapters.audio.playback_file import PlaybackFile
from therapy.adapters.child_process.limits import Limits
from therapy.domain.errors import (
    EngineDied,
    EngineFailed,
    RecordingTooLong,
    Unavailable,
    UndecodableAudio,
)
from therapy.ports.audio import HEAD_BYTES, LONGEST_MS, ReadableRecording, Rendition, ignore
from therapy.workflows.joined_audio import decode_parts

pytestmark = pytest.mark.slow  # each starts a child that decodes or encodes


def readable(recording: bytes) -> ReadableRecording:
    return ReadableRecording(reader(recording), len(recording))


async def made(
    *recordings: bytes, expected_ms: int, longest_ms: int = LONGEST_MS
) -> tuple[bytes, Rendition]:
    """The file and the peaks, made by a child process."""
    file, found = bytearray(), list[Rendition]()
    pieces = PyAvAudioDecoder().playback(
        "practice",
        [readable(each) for each in recordings],
        expected_ms=expected_ms,
        longest_ms=longest_ms,
        on_end=found.append,
    )
    async for offset, piece in pieces:
        assert not found
        assert 0 < len(piece) < 1 << 20
        assert offset == len(file) or offset + len(piece) <= HEAD_BYTES
        file[offset : offset + len(piece)] = piece
    (rendition,) = found
    return bytes(file), rendition


def made_here(pcm: bytes) -> tuple[bytes, bytes]:
    """The file and the peaks, made in this process, which is quicker."""
    file = bytearray()

    def put(offset: int, piece: bytes) -> None:
        file[offset : offset + len(piece)] = piece

    encoder = PlaybackFile(len(pcm) // 32, put)
    for start in range(0, len(pcm), AT_ONCE):
        encoder.add(pcm[start : start + AT_ONCE])
    _, peaks = encoder.end()
    return bytes(file), peaks


@pytest.mark.parametrize("seconds", [0.02, 1.0, 20.03])
async def test_the_file_is_as_long_as_the_sound_to_50_ms_and_says_so(seconds):
    file, rendition = await made(recording(seconds), expected_ms=round(seconds * 1000))
    assert rendition.media_type == "audio/mp4"
    assert abs(rendition.duration_ms / 1000 - seconds) <= 0.001
    assert abs(stated_seconds(file) - seconds) <= 0.05
    assert (
        abs(len(played(file)) / RATE - seconds) <= 0.065
    )  # what follows the end is cut off by players


def test_its_index_stands_in_front_so_that_a_player_needs_nothing_but_the_beginning():
    file, _ = made_here(sound(20.03))
    found = boxes(file)
    assert found[:2] == ["ftyp", "moov"]
    assert found[-1] == "mdat"


@pytest.mark.parametrize("at", [0.0, 0.5, 7.123, 18.9])
def test_a_player_that_goes_to_a_time_plays_what_was_said_at_that_time(at):
    pcm = sound(20.03)
    file, _ = made_here(pcm)
    original = array("h", pcm)
    excerpt = played_from(file, at, 1.0)
    start = round(at * RATE)
    assert likeness(excerpt, original[start : start + RATE]) > 0.95
    later = start + RATE // 20
    assert likeness(excerpt, original[later : later + RATE]) < 0.5, "50 ms would be noticed"


def test_peaks_are_the_least_and_greatest_sample_of_each_50_ms():
    loud, quiet, ends = [20_000, -10_000] * 400, [0] * 800, [-32_768, 32_767] * 200
    _, peaks = made_here(array("h", loud + quiet + ends).tobytes())
    assert array("b", peaks).tolist() == [-39, 78, 0, 0, -128, 127]


def test_an_hour_has_144_kb_of_peaks():
    _, peaks = made_here(bytes(2 * RATE * 36))
    assert len(peaks) == 1_440


async def test_of_no_sound_at_all_a_file_is_made_that_can_be_opened():
    file, rendition = await made(a_wav(b""), expected_ms=0)
    assert stated_seconds(file) <= 0.05
    assert len(rendition.peaks) == 2


async def test_sound_that_is_much_longer_than_was_expected_is_refused():
    silence = a_wav(bytes(2 * RATE * 70))
    file, _ = await made(silence, expected_ms=11_000)
    assert stated_seconds(file) == pytest.approx(70, abs=0.05)
    with pytest.raises(RecordingTooLong):
        await made(silence, expected_ms=9_000)


async def test_recordings_that_together_last_longer_than_they_may_are_refused():
    ten = recording(10.0)
    file, _ = await made(ten, ten, expected_ms=22_000, longest_ms=22_000)
    assert stated_seconds(file) == pytest.approx(22, abs=0.05)
    with pytest.raises(RecordingTooLong) as refused:
        await made(ten, ten, expected_ms=22_000, longest_ms=21_000)
    assert refused.value.details == {"longest": 21}


PARTS = {
    "sound": recording(6.03),
    "long sound": recording(40.01, seed=2),
    "sound in a container": media.recording("webm", 4.0),
    "nothing that can be decoded": b"no recording at all" * 100,
    "no sound": a_wav(b""),
}


@pytest.mark.parametrize(
    "names",
    [
        ("sound", "sound in a container", "sound"),
        ("long sound", "long sound", "sound"),
        ("nothing that can be decoded", "sound"),
        ("sound", "nothing that can be decoded", "sound"),
        ("sound", "no sound"),
        ("no sound", "sound"),
    ],
    ids=", ".join,
)
async def test_recordings_stand_on_the_timeline_of_their_transcript(names):
    parts = [PARTS[each] for each in names]
    readables = [readable(each) for each in parts]
    pcm = b"".join(
        [
            chunk
            async for chunk in decode_parts(
                "practice", readables, on_end=ignore, audio=PyAvAudioDecoder()
            )
        ]
    )
    expected, peaks = made_here(pcm)
    file, rendition = await made(*parts, expected_ms=len(pcm) // 32)
    assert rendition.peaks == peaks
    assert played(file) == played(expected)


async def test_of_recordings_none_of_which_can_be_decoded_the_first_says_why():
    with pytest.raises(UndecodableAudio):
        await made(PARTS["nothing that can be decoded"], b"", expected_ms=1_000)


async def test_what_reading_raises_comes_out_as_it_is():
    whole = recording(20.0)

    async def read(start, end):
        if end > len(whole) // 2:
            raise Unavailable(reason="disk")
        return whole[start:end]

    recordings = [ReadableRecording(read, len(whole))]
    pieces = PyAvAudioDecoder().playback(
        "practice", recordings, expected_ms=20_000, on_end=lambda _: None
    )
    with pytest.raises(Unavailable):
        [_ async for _ in pieces]


@pytest.mark.skipif(sys.platform != "linux", reason="macOS lacks most limits")
async def test_the_child_keeps_to_its_limits():
    decoder = PyAvAudioDecoder(limits=Limits(memory=(1 << 18) - ENCODER_MEMORY))
    pieces = decoder.playback(
        "practice", [readable(recording(20.03))], expected_ms=10**9, on_end=lambda _: None
    )
    with pytest.raises((EngineDied, EngineFailed)):
        [_ async for _ in pieces]


def child_that_says(
    folder: Path, *messages: tuple[bytes, bytes]
) -> Callable[..., Awaitable[Process]]:
    """A child in which a recording has got the upper hand: it says this, whatever it is asked."""
    said = folder / "said"
    said.write_bytes(b"".join(protocol.message(*each) for each in messages))

    async def start_child(*_: object, **__: object) -> Process:
        return await asyncio.create_subprocess_exec("cat", said, stdin=PIPE, stdout=PIPE)

    return start_child


def found(duration_ms: int, peaks: int) -> tuple[bytes, bytes]:
    made = protocol.PlaybackFound(duration_ms, bytes(peaks))
    return protocol.FOUND, msgspec.json.encode(made)


def piece(offset: int, size: int) -> tuple[bytes, bytes]:
    return protocol.PIECE, protocol.OFFSET.pack(offset) + bytes(size)


@pytest.mark.parametrize(
    "messages",
    [
        [piece(each << 18, 1 << 18) for each in range(10)],
        [piece(1 << 40, 1)],
        [found(61_001, 2)],
        [found(0, 0)],
        [found(1_000, 42)],
        [(protocol.FOUND, b'{"media_type":"text/html","peaks":""}')],
        [(protocol.PCM, bytes(100))],
        [(protocol.RANGE, protocol.SPAN.pack(0, 33_000))],
        [(protocol.RANGE, protocol.SPAN.pack(0, 2 << 20))],
    ],
    ids=[
        *("too large a file", "a piece elsewhere", "too long", "no length", "too many peaks"),
        *("a type of its own", "samples", "a range outside", "a long range"),
    ],
)
async def test_a_child_can_t_make_its_parent_take_what_is_no_file_for_players(
    messages, monkeypatch, tmp_path
):
    monkeypatch.setattr(child_messages, "start_child", child_that_says(tmp_path, *messages))
    taken = PyAvAudioDecoder().playback(
        "practice", [readable(recording(1.0))], expected_ms=1_000, on_end=lambda _: None
    )
    with pytest.raises(EngineDied) as raised:
        [_ async for _ in taken]
    assert raised.value.details == {"reason": "protocol"}


async def test_a_child_that_reports_an_odd_failure_has_failed(monkeypatch, tmp_path):
    odd = b'{"error":"TooLarge","code":"x","details":{"code":"y"}}'
    monkeypatch.setattr(
        child_messages, "start_child", child_that_says(tmp_path, (protocol.FAILED, odd))
    )
    taken = PyAvAudioDecoder().playback(
        "practice", [readable(recording(1.0))], expected_ms=1_000, on_end=lambda _: None
    )
    with pytest.raises(EngineFailed):
        [_ async for _ in taken]


RECORDED = {
    "a hole of 20 s": ("gap20.webm", 50.0),
    "a damaged end": ("mp3_cut_stale_xing.mp3", 18.0),
    "8 kHz": ("rec.amr", 30.0),
    "two tracks": ("two_tracks.mp4", 30.0),
}


@pytest.mark.parametrize("name", RECORDED)
def test_what_people_send_is_played_on_the_timeline_of_its_transcript(name):
    file_name, seconds = RECORDED[name]
    pcm, found = decoded_here(media.case(file_name))
    file, peaks = made_here(pcm)
    assert abs(stated_seconds(file) - found.duration_ms / 1000) <= 0.05
    assert abs(stated_seconds(file) - seconds) <= 0.1
    assert len(peaks) == 2 * -(-len(pcm) // 1_600)
    at = seconds - 5.0
    original = array("h", pcm)[round(at * RATE) :][:RATE]
    assert likeness(played_from(file, at, 1.0), original) > 0.95


def test_of_six_channels_one_file_is_made_with_what_was_said_in_the_middle():
    middle = array("h", sound(6.0))
    channels = array("h", (each for one in middle for each in (0, 0, one, 0, 0, 0)))
    pcm, _ = decoded_here(wav(channels.tobytes(), channels=6))
    file, _ = made_here(pcm)
    assert likeness(played_from(file, 2.0, 1.0), middle[2 * RATE : 3 * RATE]) > 0.95


def children() -> list[int]:
    """The children for playback that this process has started, as the kernel knows them."""
    found = []
    for each in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        found += [int(pid) for pid in each.read_text().split()]
    return [
        pid for pid in found if b"playback_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_child_has_the_least_priority_and_is_gone_when_its_file_is_left_early():
    pieces = PyAvAudioDecoder().playback(
        "practice", [readable(recording(20.03))], expected_ms=20_030, on_end=lambda _: None
    )
    await anext(pieces)
    (child,) = children()
    assert os.getpriority(os.PRIO_PROCESS, child) == 19
    await pieces.aclose()
    assert children() == []
