"""What kind of media a file is, told by its first bytes."""

from io import BytesIO
from wave import open as open_wav

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.domain.errors import UnsupportedAudio
from therapy.domain.media import (
    FLAC,
    MP4,
    MPEG,
    OGG,
    WAV,
    WEBM,
    sniff,
)
from therapy.domain.media_headers import (
    id3_length,
    mpeg_promise_ms,
    plain_wav_ms,
    wav_header,
    wav_share,
    wav_tail,
)

FMT = b"fmt \x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0\2\0\x10\0"
DATA = b"data\xff\xff\xff\xff"
FTYP = b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom"
EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm"
CLUSTER = b"\x1f\x43\xb6\x75"
FRAME = b"\xff\xfb\x90\x64"
ID3 = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)


def wave(kind: bytes, rest: bytes) -> bytes:
    return kind + b"\xff\xff\xff\xff" + b"WAVE" + rest


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (wave(b"RIFF", FMT + DATA), WAV),
        (wave(b"RIFF", b"JUNK\4\0\0\0junk" + FMT + DATA), WAV),
        (wave(b"RIFF", b"bext\0\x20\0\0" + bytes(500)), WAV),
        (wave(b"RF64", b"ds64"), WAV),
        (FTYP + b"\0\1\0\0mdat", MP4),
        (FTYP + b"\0\0\0\x10moov....soun", MP4),
        (b"OggS\0\2" + bytes(22) + b"OpusHead", OGG),
        (b"OggS\0\2" + bytes(22) + b"\x01vorbis", OGG),
        (EBML + b"A_OPUS" + CLUSTER, WEBM),
        (EBML + bytes(100), WEBM),
        (b"fLaC\0\0\0\x22", FLAC),
        (FRAME + bytes(100), MPEG),
        (ID3 + FRAME, MPEG),
        (ID3 + b"fLaC", FLAC),
        (ID3[:10], MPEG),
    ],
)
def test_audio_is_known_by_its_content(first, kind):
    assert sniff(first) == kind


ADTS = b"\xff\xf1\x50\x40\x01\x1f\xfc\0"
AC3 = b"\x0b\x77\0\0\0\x40" + bytes(122)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (ADTS * 5, "audio/aac"),
        (ID3 + ADTS * 5, "audio/aac"),
        (b"tail of a frame" + ADTS * 5, "audio/aac"),
        (AC3 * 5, "audio/ac3"),
        (b"FORM\0\0\0\0AIFC", "audio/aiff"),
        (b"caff\0\1\0\0", "audio/x-caf"),
        (b"#!AMR-WB\n", "audio/amr"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "audio/x-ms-wma"),
        (bytes.fromhex("726966662e91cf11a5d628db04c10000"), "audio/x-w64"),
        (wave(b"BW64", b"ds64"), WAV),
        ((b"\x47" + bytes(187)) * 6, "video/mp2t"),
        ((bytes(4) + b"\x47" + bytes(187)) * 6, "video/mp2t"),
        (b"\0\0\0\x14skipqt  " + bytes(8) + b"\0\0\0\x08wide\0\1\0\0mdat", MP4),
        (b"\0\0\0\x01mdat" + bytes(8), MP4),
        (bytes(2_000) + FRAME + bytes(100), MPEG),
        (bytes(100) + FTYP + b"\0\1\0\0mdat", MP4),
        (bytes(100) + wave(b"RIFF", FMT + DATA), WAV),
    ],
)
def test_rarer_recordings_are_known_too_behind_zeros_and_tags(first, kind):
    assert sniff(first) == kind


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (b"%PDF-1.7", "PDF"),
        (b"\xac\x41\xff\xff", "AC-4"),
        (b"\x03ds2", "DS2"),
        (EBML + b"V_VP9" + CLUSTER, "no_sound"),
        (FTYP + b"\0\0\0\x10moov....vide", "no_sound"),
    ],
)
def test_what_is_no_recording_is_named(first, name):
    with pytest.raises(UnsupportedAudio) as raised:
        sniff(first)
    assert raised.value.details == {"format": name}


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"Patient: I slept badly.\n" * 50,
        "Patient: I slept badly.".encode("utf-16"),
        "שלום".encode(),
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"MZ\x90\0\3\0\0\0",
        b"\x7fELF\2\1\1",
        b"PK\3\4",
        b"%PDF-1.7",
        b"#EXTM3U\nhttp://example.org/a.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"RIFF\xff\xff\xff\xffCDXAfmt ",
        wave(b"RIFF", DATA + FMT),
        b"\0\0\0\x18ftypheic" + bytes(20),
        b"\0\0\0\x18ftypavif" + bytes(20),
        FTYP + b"\0\0\0\x10moov....vide",
        b"OggS\0\2" + bytes(22) + b"\x80theora",
        EBML + b"V_VP9" + CLUSTER,
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1other",
        b"ID3 is a way to tag music",
        b"\xff\xfe\xff\xfe",
        b"\xff\xf1\x50\x80",
        bytes(4096),
    ],
)
def test_what_is_no_audio_that_we_read_is_refused(first):
    with pytest.raises(UnsupportedAudio):
        sniff(first)


BEGINNINGS = [
    b"",
    b"RIFF....WAVE",
    FTYP,
    b"OggS",
    EBML,
    b"fLaC",
    ID3[:6],
    FRAME[:2],
    FTYP + b"\0\0",
]


@given(begin=st.sampled_from(BEGINNINGS), rest=st.binary(max_size=300))
def test_any_bytes_are_a_known_kind_or_refused(begin, rest):
    try:
        kind = sniff(begin + rest)
    except UnsupportedAudio:
        return
    assert kind.startswith(("audio/", "video/"))


@given(st.binary(max_size=300))
def test_looking_into_headers_never_fails(head):
    assert id3_length(head) >= 0
    assert mpeg_promise_ms(FRAME + head) >= 0
    assert wav_tail(b"RIFF....WAVE" + head) >= 0
    assert plain_wav_ms(b"RIFF....WAVE" + head, len(head)) >= 0
    assert plain_wav_ms(b"RIFF....WAVE" + FMT + head, len(head)) >= 0


def test_an_id3_tag_counts_seven_bits_a_byte_and_its_footer():
    assert id3_length(b"ID3\x03\0\0\0\0\x01\x00") == 10 + 128
    assert id3_length(b"ID3\x04\0\x10\0\0\0\x01") == 10 + 1 + 10


def test_an_mp3_promises_the_frames_of_its_info_header():
    frame = FRAME + bytes(32) + b"Xing\0\0\0\1" + (1000).to_bytes(4, "big")
    assert mpeg_promise_ms(frame) == 1000 * 1152 * 1000 // 44_100
    assert mpeg_promise_ms(FRAME + bytes(200)) == 0


def test_a_wav_says_how_much_of_it_there_should_be():
    def head(size: int) -> bytes:
        return wave(b"RIFF", FMT + b"data" + size.to_bytes(4, "little"))

    assert wav_share(head(1_000), 44 + 800) == 1.25
    assert wav_share(head(1_000), 44 + 1_000) == 1
    assert wav_share(head(1_000), 44 + 2_000) == 1
    assert wav_share(head(0xFFFF_FFFF), 44 + 800) == 1
    assert wav_share(head(0x7FFF_FFFF), 44 + 800) == 1
    assert wav_share(wave(b"RIFF", FMT), 100) == 1


def test_a_wav_says_where_its_samples_end():
    assert wav_tail(wave(b"RIFF", FMT + b"data\x64\0\0\0")) == 44 + 100
    assert wav_tail(wave(b"RIFF", FMT)) == 0


def test_a_header_is_that_of_a_plain_wav_however_long():
    with open_wav(BytesIO(wav_header(88_200, 44_100) + bytes(88_200))) as found:
        channels, sample_bytes, rate, samples, *_ = found.getparams()
    assert (channels, sample_bytes, rate, samples) == (1, 2, 44_100, 44_100)
    assert plain_wav_ms(wav_header(88_200, 44_100), 44 + 88_200) == 1_000
    assert wav_header(1 << 33, 44_100) == wave(b"RIFF", FMT + DATA)


def plain(data: int, form: bytes = FMT, kind: bytes = b"RIFF") -> bytes:
    return wave(kind, form + b"data" + data.to_bytes(4, "little"))


def test_a_plain_wav_says_how_long_it_is_as_far_as_its_samples_are_there():
    assert plain_wav_ms(plain(88_200), 44 + 88_200) == 1_000
    assert plain_wav_ms(plain(88_200), 44 + 44_100) == 500
    listed = wave(b"RIFF", FMT + b"LIST\x05\0\0\0INFOa\0" + b"data\x88\x58\1\0")
    assert plain_wav_ms(listed, len(listed) + 88_200) == 1_000


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (plain(88_200), 44 + 88_202),
        (plain(0), 44 + 88_200),
        (plain(88_200), 44),
        (plain(0x7FFF_0000), 44 + 88_200),
        (plain(88_200, FMT[:8] + b"\3" + FMT[9:]), 44 + 88_200),
        (plain(88_200, FMT[:20] + b"\4" + FMT[21:]), 44 + 88_200),
        (plain(88_200, kind=b"RIFX"), 44 + 88_200),
        (wave(b"RIFF", b"data\x88\x58\1\0" + FMT), 44 + 88_200),
        (wave(b"RIFF", b"slnt\0\0\0\0" + FMT + b"data\x88\x58\1\0"), 52 + 88_200),
        (plain(88_200, FMT[:20] + b"\4" + FMT[21:] + FMT), 68 + 88_200),
        (plain(88_200, FMT + FMT), 68 + 88_200),
        (plain(88_200, FMT[:4] + b"\x0f" + FMT[5:]), 44 + 88_200),
        (plain(88_200, FMT + b"fact\4\0\0\0\xff\xff\xff\1"), 56 + 44_100),
        (plain(88_200, FMT + b"LIST\3\0\0\0abc\0"), 56 + 88_200),
        (plain(88_200, FMT + b"bext\4\0\0\0abcd"), 56 + 88_200),
        (FMT, 24),
        (b"", 0),
    ],
    ids=["more behind", "none stated", "none there", "unknown", "floats", "other sums", "big-endian",
         "samples first", "unknown chunk", "another format first", "two formats", "format cut short",
         "samples counted", "list cut short", "origin cut short", "no RIFF", "nothing"],
)  # fmt: skip
def test_an_odd_wav_does_not_say_how_long_it_is(head, size):
    assert plain_wav_ms(head, size) == 0
