"""`PyAvAudioDecoder`: what people record becomes samples; nothing leaks, however decoding ends."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from tests import media
from tests.audio.decoding import (
    decoded,
    decoded_here,
    decoder_processes,
    plainly_decoded,
    reader,
)
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.domain.errors import (
    EngineDied,
    ErrorClass,
    Unavailable,
    UndecodableAudio,
    UnsupportedAudio,
)
from therapy.domain.media import SNIFF_BYTES, sniff
from therapy.domain.media_headers import lead_length

pytestmark = pytest.mark.slow  # each starts a decoder

KINDS = {
    "wav": "audio/wav",
    "wav stereo": "audio/wav",
    "wav 8 kHz": "audio/wav",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "webm": "audio/webm",
    "flac": "audio/flac",
}


def seconds(data: bytes) -> float:
    return len(decoded_here(data)[0]) / 32_000


def noise(length: int) -> bytes:
    return random.Random(1).randbytes(length)


@pytest.mark.parametrize("name", media.RECORDINGS)
def test_every_format_gives_the_whole_recording(name):
    data = media.recording(name)
    assert sniff(data[:SNIFF_BYTES]) == KINDS[name]
    assert seconds(data) == pytest.approx(10, abs=0.06)


@pytest.mark.parametrize("name", media.RARER)
def test_rarer_formats_are_read_too(name):
    data = media.recording(name, 4.0)
    assert sniff(data[:SNIFF_BYTES])
    samples, found = decoded_here(data)
    assert len(samples) / 32_000 == pytest.approx(4, abs=0.1)
    assert not found.missing


def test_samples_are_16_khz_mono_as_they_were_spoken():
    data = media.encoded(media.excerpt(0, 5), "wav", "pcm_s16le", rate=16_000)
    assert decoded_here(data)[0] == media.excerpt(0, 5)


def test_an_m4a_with_its_index_first_or_in_fragments_is_read(tmp_path):
    samples = media.excerpt(0, 10, 44_100)
    first = media.encoded(
        samples, "ipod", "aac", rate=44_100,
        options={"movflags": "faststart"}, file=str(tmp_path / "first.m4a"),
    )  # fmt: skip
    parts = media.encoded(
        samples, "mp4", "aac", rate=44_100, options={"movflags": "frag_keyframe+empty_moov"}
    )
    assert seconds(first) == pytest.approx(10, abs=0.06)
    assert seconds(parts) == pytest.approx(10, abs=0.06)


def test_tags_in_a_strange_encoding_do_no_harm():
    samples = media.excerpt(0, 2)
    data = media.encoded(samples, "mp3", "libmp3lame", rate=16_000, tags={"title": "aaaa"})
    assert seconds(data.replace(b"aaaa", b"\xe9\xff\xfe\xe8")) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    "claim", [300, 301, -400, -300_000], ids=["300 more", "an odd 301 more", "less", "much less"]
)
def test_a_wav_headers_size_is_not_trusted(claim):
    wav = media.recording("wav")
    size = len(wav) - wav.index(b"data") - 8
    assert seconds(media.wav_claiming(size + claim, wav)) == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("claim", [0, 0xFFFFFFFF, 0x80000000], ids=hex)
def test_a_wav_headers_size_that_was_never_written_is_not_trusted(claim):
    wav = media.wav_claiming(claim, media.recording("wav"))
    assert seconds(wav) == pytest.approx(10, abs=0.01)
    assert seconds(wav + b"\1") == pytest.approx(10, abs=0.01)


def test_what_follows_a_wavs_samples_is_not_decoded():
    wav = media.recording("wav")
    tail = b"LIST\x1a\0\0\0INFOISFT\x0e\0\0\0Lavf58.29.100\0"
    assert decoded_here(wav + tail) == decoded_here(wav)


def test_a_recording_without_samples_gives_no_chunk():
    wav = media.recording("wav")
    header = wav[: wav.index(b"data") + 8]
    for data in (header, media.wav_claiming(0, header)):
        assert decoded_here(data)[0] == b""


def cut(name: str, share: float) -> bytes:
    data = media.recording(name)
    return data[: int(len(data) * share)]


def spoilt(name: str) -> bytes:
    data = media.recording(name)
    part = len(data) // 5
    return data[: 2 * part] + noise(part) + data[3 * part :]


BROKEN = {
    "m4a without its index": lambda: cut("m4a", 0.95),
    "m4a cut in half": lambda: cut("m4a", 0.5),
    "only the headers of a webm": lambda: cut("webm", 0.01),
    "only the headers of a flac": lambda: media.recording("flac")[:100],
    "noise that begins like an mp3": lambda: b"\xff\xfb\x90\x64" + noise(50_000),
    "noise that begins like a tagged mp3": lambda: b"ID3\4\0\0\0\0\0\0" + noise(50_000),
    "noise that begins like a wav": lambda: b"RIFF\xff\xff\xff\xffWAVE" + noise(5_000),
    "only the first bytes of a wav": lambda: media.recording("wav")[:20],
    "only the first bytes of an m4a": lambda: media.recording("m4a")[:40],
    "noise": lambda: noise(5_000),
    "text": lambda: b"not a recording\n" * 500,
    "a playlist": lambda: b"#EXTM3U\nfile:///etc/hostname\n",
    "nothing": lambda: b"",
    "pictures without sound": lambda: media.film("mp4", "mpeg4"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_recording_without_any_sound_is_said_to_be_broken(what):
    with pytest.raises(UndecodableAudio):
        decoded_here(BROKEN[what]())


@pytest.mark.parametrize("what", ["m4a cut in half", "noise", "nothing"])
async def test_the_process_says_the_same(what):
    with pytest.raises(UndecodableAudio):
        await decoded(BROKEN[what]())


def mp3_and_then(rest: bytes) -> bytes:
    return media.recording("mp3")[:5_000] + rest


def vbri(mp3: bytes, frames: int) -> bytes:
    """The MP3 with the header of Fraunhofer's encoder in its first frame, in place of Xing's."""
    header = b"VBRI" + bytes(10) + frames.to_bytes(4, "big")
    begin = lead_length(mp3)
    return mp3[: begin + 4] + bytes(32) + header + mp3[begin + 36 + len(header) :]


def half_with_vbri() -> bytes:
    mp3 = media.recording("mp3")
    return vbri(mp3, 384)[: len(mp3) // 2]


PARTIAL = {
    "mp3 cut in half": (lambda: cut("mp3", 0.5), [(4_990, 10_031, "cut_off")]),
    "webm cut in half": (lambda: cut("webm", 0.5), [(4_913, 10_008, "cut_off")]),
    "flac cut in half": (lambda: cut("flac", 0.5), [(4_911, 10_000, "cut_off")]),
    "wav cut in half": (lambda: cut("wav", 0.5), [(4_999, 10_000, "cut_off")]),
    "w64 cut in half": (lambda: cut("w64", 0.5), [(4_998, 10_000, "cut_off")]),
    "avi cut in half": (lambda: cut("avi", 0.5), [(5_067, 10_075, "cut_off")]),
    "wma cut in half": (lambda: cut("wma", 0.5), [(5_030, 10_030, "cut_off")]),
    "caf cut in half": (
        lambda: media.encoded(media.excerpt(0, 10), "caf", "pcm_s16be", rate=16_000)[:164_000],
        [(5_120, 9_998, "cut_off")],
    ),
    "mp3 cut behind a header of Fraunhofer's encoder": (
        half_with_vbri,
        [(4_990, 10_031, "cut_off")],
    ),
    "mp3 with noise in it": (lambda: spoilt("mp3"), [(3_970, 6_021, "damaged")]),
    "flac with noise in it": (lambda: spoilt("flac"), [(4_074, 5_955, "hole")]),
    "ogg with noise in it": (lambda: spoilt("ogg"), [(4_012, 6_013, "hole")]),
    "webm with noise in it": (lambda: spoilt("webm"), [(3_972, 9_974, "hole")]),
    "mp3 that is noise after some frames": (
        lambda: mp3_and_then(noise(80_000)),
        [(575, 10_031, "cut_off")],
    ),
    "mp3 that is silence after some frames": (
        lambda: mp3_and_then(bytes(80_000)),
        [(575, 10_031, "cut_off")],
    ),
}


@pytest.mark.parametrize("what", PARTIAL)
def test_what_is_there_is_decoded_and_what_is_missing_is_said(what):
    made, missing = PARTIAL[what]
    data = made()
    samples, found = decoded_here(data)
    stretches = [(each.start_ms, each.end_ms, each.reason) for each in found.missing]
    assert [each[2] for each in stretches] == [each[2] for each in missing]
    for (start, end, _), (right_start, right_end, _) in zip(stretches, missing, strict=True):
        assert start == pytest.approx(right_start, abs=100)
        assert end == pytest.approx(right_end, abs=100)
    decoded_seconds = len(samples) / 32_000 - sum(
        (end - start) / 1000 for start, end, why in stretches if why != "cut_off"
    )
    assert decoded_seconds >= 0.95 * plainly_decoded(data)


def test_a_wrong_byte_rate_in_a_header_makes_nothing_missing():
    data = bytearray(media.recording("wav"))
    data[28:32] = (len(data) // 40).to_bytes(4, "little")
    samples, found = decoded_here(bytes(data))
    assert len(samples) / 32_000 == pytest.approx(10, abs=0.01)
    assert not found.missing


def test_a_length_that_makes_no_sense_is_ignored():
    data = bytearray(media.recording("flac"))
    data[21:26] = b"\xff" * 5  # the low bits of its number of samples
    samples, found = decoded_here(bytes(data))
    assert len(samples) / 32_000 == pytest.approx(10, abs=0.01)
    assert not found.missing


def test_an_m4a_that_keeps_its_index_but_lost_its_end_says_so(tmp_path):
    data = media.encoded(
        media.excerpt(0, 10, 44_100), "ipod", "aac", rate=44_100,
        options={"movflags": "faststart"}, file=str(tmp_path / "first.m4a"),
    )  # fmt: skip
    samples, found = decoded_here(data[: len(data) * 8 // 10])
    (missing,) = found.missing
    assert len(samples) / 32_000 == pytest.approx(8, abs=0.3)
    assert missing.start_ms == len(samples) // 32
    assert missing.end_ms == pytest.approx(10_000, abs=50)


def test_one_spoilt_frame_does_not_cost_the_recording():
    data = media.recording("mp3")
    assert seconds(data[:40_000] + noise(300) + data[40_300:]) == pytest.approx(10, abs=0.2)


async def test_pictures_without_sound_are_refused_before_they_are_a_session():
    for data in (media.film("mp4", "mpeg4"), media.film("matroska", "mpeg4"), b"text"):
        with pytest.raises(UnsupportedAudio):
            await PyAvAudioDecoder().check("practice", reader(data), len(data))
    lengths = [
        await PyAvAudioDecoder().check("practice", reader(data), len(data))
        for data in (media.recording("m4a"), media.recording("webm"), cut("m4a", 0.5))
    ]
    assert [round(each, -2) for each in lengths] == [10_000, 10_000, 0]  # the last lost its index
    assert not decoder_processes()


async def test_what_the_reader_raises_comes_out_as_it_is():
    data = media.recording("wav")

    async def failing(start: int, end: int) -> bytes:
        if start:
            raise Unavailable
        return (data * 2)[start:end]

    with pytest.raises(Unavailable):
        async for _ in PyAvAudioDecoder().decode("practice", failing, 5 << 20):
            pass
    assert not decoder_processes()


async def test_a_slow_consumer_holds_the_decoder_back():
    asked: list[tuple[int, int]] = []
    wav = media.wav_claiming(0xFFFFFFFF, media.recording("wav")) * 80
    async with aclosing(
        PyAvAudioDecoder().decode("practice", reader(wav, asked), len(wav))
    ) as chunks:
        await anext(chunks)
        await asyncio.sleep(0.2)
        assert len(asked) <= 6  # what the pipes hold
        assert all(end - start <= 8 << 20 for start, end in asked)
    assert max(end for _, end in asked) < len(wav) / 3


@pytest.mark.parametrize("name", ["wav", "m4a", "webm"])
async def test_closing_early_leaves_no_process(name):
    data = media.long_recording(name, times=5)  # a chunk is of 32 s at most
    async with aclosing(PyAvAudioDecoder().decode("practice", reader(data), len(data))) as chunks:
        await anext(chunks)
        assert len(decoder_processes()) == 1
    assert not decoder_processes()


async def test_cancelling_while_the_store_hangs_leaves_no_process():
    hangs = asyncio.Event()

    async def hanging(start: int, end: int) -> bytes:
        hangs.set()
        await asyncio.Event().wait()
        return b""

    async def use() -> None:
        async for _ in PyAvAudioDecoder().decode("practice", hanging, 1_000):
            pass

    using = asyncio.create_task(use())
    await hangs.wait()
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    assert not decoder_processes()


def test_a_loop_that_ends_takes_its_decoder_along():
    data = media.long_recording("wav")
    kept = []

    async def abandon() -> None:
        chunks = PyAvAudioDecoder().decode("practice", reader(data), len(data))
        kept.append(chunks)
        await anext(chunks)

    asyncio.run(abandon())
    assert not decoder_processes()


async def test_an_iterator_that_is_never_started_costs_nothing():
    await PyAvAudioDecoder().decode("practice", reader(b""), 0).aclose()
    assert not decoder_processes()


async def test_recordings_are_decoded_side_by_side():
    names = ["wav", "m4a", "mp3", "ogg", "webm", "flac"]
    samples = await asyncio.gather(*(decoded(media.recording(each)) for each in names))
    assert all(len(each) / 32_000 == pytest.approx(10, abs=0.06) for each in samples)
    assert not decoder_processes()


async def test_a_decoder_that_crashes_is_an_engine_that_died_not_a_broken_recording():
    data = media.long_recording("wav")
    decoding = PyAvAudioDecoder().decode("practice", reader(data), len(data))
    await anext(decoding)
    (child,) = decoder_processes()
    os.kill(child, signal.SIGSEGV)
    with pytest.raises(EngineDied) as raised:
        [_ async for _ in decoding]
    assert raised.value.error_class is ErrorClass.TRANSIENT
    assert raised.value.details == {"reason": "signal", "status": -signal.SIGSEGV}
    assert not decoder_processes()


PARENT = """
    import asyncio, sys
    from therapy.adapters.audio import PyAvAudioDecoder
    data = open(sys.argv[1], "rb").read()
    async def read(start, end):
        return data[start:end]
    async def use():
        async for _ in PyAvAudioDecoder().decode("practice", read, len(data)):
            print("decoding", flush=True)
            await asyncio.Event().wait()
    asyncio.run(use())
"""


def test_a_parent_that_is_killed_takes_its_decoder_along(tmp_path):
    path = tmp_path / "long.wav"
    path.write_bytes(media.long_recording("wav"))
    command = [sys.executable, "-c", textwrap.dedent(PARENT), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"decoding\n"
        (child,) = decoder_processes(parent.pid)
        parent.kill()
    while alive(child):  # the test's time limit ends it
        time.sleep(0.01)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
