"""`PyAvAudioDecoder`: what people record becomes samples; what is broken is said to be; nothing leaks."""

import asyncio
import random
import threading
from contextlib import aclosing

import pytest

from tests import media
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.domain.errors import Unavailable, UndecodableAudio, UnsupportedAudio
from therapy.domain.media import sniff

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


def reader(data: bytes, asked: list[tuple[int, int]] | None = None):
    async def read(start: int, end: int) -> bytes:
        if asked is not None:
            asked.append((start, end))
        await asyncio.sleep(0)
        return data[start:end]

    return read


async def decoded(data: bytes) -> bytes:
    found = [
        chunk async for chunk in PyAvAudioDecoder().decode("practice", reader(data), len(data))
    ]
    assert all(0 < len(chunk) <= 1 << 20 and len(chunk) % 2 == 0 for chunk in found)
    return b"".join(found)


async def seconds(data: bytes) -> float:
    return len(await decoded(data)) / 32_000


def noise(length: int) -> bytes:
    return random.Random(1).randbytes(length)


def decoder_threads() -> int:
    return sum(1 for each in threading.enumerate() if each.name == "therapy-decode")


@pytest.mark.parametrize("name", media.RECORDINGS)
async def test_every_format_gives_the_whole_recording(name):
    data = media.recording(name)
    assert sniff(data[:4096]) == KINDS[name]
    assert await seconds(data) == pytest.approx(10, abs=0.06)


async def test_samples_are_16_khz_mono_as_they_were_spoken():
    data = media.encoded(media.excerpt(0, 5), "wav", "pcm_s16le", rate=16_000)
    assert await decoded(data) == media.excerpt(0, 5)


async def test_an_m4a_with_its_index_first_or_in_fragments_is_read(tmp_path):
    samples = media.excerpt(0, 10, 44_100)
    first = media.encoded(
        samples, "ipod", "aac", rate=44_100,
        options={"movflags": "faststart"}, file=str(tmp_path / "first.m4a"),
    )  # fmt: skip
    parts = media.encoded(
        samples, "mp4", "aac", rate=44_100, options={"movflags": "frag_keyframe+empty_moov"}
    )
    assert await seconds(first) == pytest.approx(10, abs=0.06)
    assert await seconds(parts) == pytest.approx(10, abs=0.06)


async def test_tags_in_a_strange_encoding_do_no_harm():
    samples = media.excerpt(0, 2)
    data = media.encoded(samples, "mp3", "libmp3lame", rate=16_000, tags={"title": "aaaa"})
    assert await seconds(data.replace(b"aaaa", b"\xe9\xff\xfe\xe8")) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    "claim", [300, 301, -400, -300_000], ids=["300 more", "an odd 301 more", "less", "much less"]
)
async def test_a_wav_headers_size_is_not_trusted(claim):
    wav = media.recording("wav")
    size = len(wav) - wav.index(b"data") - 8
    assert await seconds(media.wav_claiming(size + claim, wav)) == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("claim", [0, 0xFFFFFFFF, 0x80000000], ids=hex)
async def test_a_wav_headers_size_that_was_never_written_is_not_trusted(claim):
    wav = media.wav_claiming(claim, media.recording("wav"))
    assert await seconds(wav) == pytest.approx(10, abs=0.01)
    assert await seconds(wav + b"\1") == pytest.approx(10, abs=0.01)


async def test_what_follows_a_wavs_samples_is_not_heard():
    wav = media.recording("wav")
    tail = b"LIST\x1a\0\0\0INFOISFT\x0e\0\0\0Lavf58.29.100\0"
    assert await decoded(wav + tail) == await decoded(wav)


async def test_a_recording_without_samples_gives_no_chunk():
    wav = media.recording("wav")
    header = wav[: wav.index(b"data") + 8]
    assert await decoded(header) == b""
    assert await decoded(media.wav_claiming(0, header)) == b""


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
    "mp3 cut in half": lambda: cut("mp3", 0.5),
    "webm cut in half": lambda: cut("webm", 0.5),
    "flac cut in half": lambda: cut("flac", 0.5),
    "mp3 with noise in it": lambda: spoilt("mp3"),
    "webm with noise in it": lambda: spoilt("webm"),
    "flac with noise in it": lambda: spoilt("flac"),
    "ogg with noise in it": lambda: spoilt("ogg"),
    "mp3 that is noise after some frames": lambda: media.recording("mp3")[:5_000] + noise(80_000),
    "mp3 that is silence after some frames": lambda: media.recording("mp3")[:5_000] + bytes(80_000),
    "mp3 that is text after some frames": lambda: media.recording("mp3")[:5_000] + b"text " * 9_000,
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
async def test_a_broken_recording_is_said_to_be_broken(what):
    with pytest.raises(UndecodableAudio):
        await decoded(BROKEN[what]())


async def test_an_m4a_that_keeps_its_index_but_lost_its_end_is_broken(tmp_path):
    data = media.encoded(
        media.excerpt(0, 10, 44_100), "ipod", "aac", rate=44_100,
        options={"movflags": "faststart"}, file=str(tmp_path / "first.m4a"),
    )  # fmt: skip
    with pytest.raises(UndecodableAudio):
        await decoded(data[: len(data) * 6 // 10])


async def test_one_spoilt_frame_does_not_cost_the_recording():
    data = media.recording("mp3")
    assert await seconds(data[:40_000] + noise(300) + data[40_300:]) == pytest.approx(10, abs=0.2)


async def test_pictures_without_sound_are_refused_before_they_are_a_session():
    for data in (media.film("mp4", "mpeg4"), media.film("matroska", "mpeg4"), b"text"):
        with pytest.raises(UnsupportedAudio):
            await PyAvAudioDecoder().check("practice", reader(data), len(data))
    for data in (media.recording("m4a"), media.recording("webm"), cut("m4a", 0.5)):
        await PyAvAudioDecoder().check("practice", reader(data), len(data))
    assert decoder_threads() == 0


async def test_what_the_reader_raises_comes_out_as_it_is():
    data = media.recording("wav")

    async def failing(start: int, end: int) -> bytes:
        if start:
            raise Unavailable
        return (data * 2)[start:end]

    with pytest.raises(Unavailable):
        async for _ in PyAvAudioDecoder().decode("practice", failing, 5 << 20):
            pass
    assert decoder_threads() == 0


async def test_a_slow_consumer_holds_the_decoder_back():
    asked: list[tuple[int, int]] = []
    wav = media.wav_claiming(0xFFFFFFFF, media.recording("wav")) * 40
    async with aclosing(
        PyAvAudioDecoder().decode("practice", reader(wav, asked), len(wav))
    ) as chunks:
        await anext(chunks)
        await asyncio.sleep(0.2)
        assert len(asked) <= 6
        assert all(end - start <= 1 << 20 for start, end in asked)
    assert max(end for _, end in asked) < len(wav) / 4


@pytest.mark.parametrize("name", ["wav", "m4a", "webm"])
async def test_closing_early_leaves_no_thread(name):
    data = media.recording(name, 60.0)
    async with aclosing(PyAvAudioDecoder().decode("practice", reader(data), len(data))) as chunks:
        await anext(chunks)
        assert decoder_threads() == 1
    assert decoder_threads() == 0


async def test_cancelling_while_the_store_hangs_leaves_no_thread():
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
    assert decoder_threads() == 0


def test_a_loop_that_ends_takes_its_decoder_along():
    data = media.recording("wav", 60.0)
    kept = []

    async def abandon() -> None:
        chunks = PyAvAudioDecoder().decode("practice", reader(data), len(data))
        kept.append(chunks)
        await anext(chunks)

    asyncio.run(abandon())
    assert decoder_threads() == 0


async def test_an_iterator_that_is_never_started_costs_nothing():
    await PyAvAudioDecoder().decode("practice", reader(b""), 0).aclose()
    assert decoder_threads() == 0


async def test_recordings_are_decoded_side_by_side():
    names = ["wav", "m4a", "mp3", "ogg", "webm", "flac"]
    lengths = await asyncio.gather(*(seconds(media.recording(each)) for each in names))
    assert all(each == pytest.approx(10, abs=0.06) for each in lengths)
    assert decoder_threads() == 0
