"""What `ports.audio` promises of the plainest recordings; the real decoder's formats are in tests/audio."""

import array
import asyncio

import pytest

from therapy.domain.audio_findings import AudioFindings, next_start
from therapy.domain.errors import RecordingTooLong, TooLarge, Unavailable, UndecodableAudio
from therapy.ports.audio import (
    HEAD_BYTES,
    PEAKS_PER_SECOND,
    AudioDecoder,
    ReadableRecording,
    ReadRange,
    Rendition,
    SupportsPlayback,
)
from therapy.testing.samples import PRACTICE, a_wav

TONE = array.array("h", [(at % 80 - 40) * 200 for at in range(16_000)]).tobytes()


def reader(recording: bytes) -> ReadRange:
    async def read(start: int, end: int) -> bytes:
        return recording[start:end]

    return read


async def decoded(audio: AudioDecoder, recording: bytes) -> list[bytes]:
    chunks = audio.decode(PRACTICE, reader(recording), len(recording))
    return [chunk async for chunk in chunks]


async def test_a_wav_of_16_khz_mono_comes_out_as_it_is(audio: AudioDecoder) -> None:
    assert b"".join(await decoded(audio, a_wav(TONE))) == TONE


async def test_once_all_is_decoded_its_duration_is_reported(audio: AudioDecoder) -> None:
    recording = a_wav(TONE)
    reports: list[AudioFindings] = []
    chunks = audio.decode(PRACTICE, reader(recording), len(recording), on_end=reports.append)
    async for _ in chunks:
        assert not reports
    (report,) = reports
    assert report.duration_ms == 1_000
    assert not report.missing


async def test_chunks_are_whole_samples_of_at_most_1_mib(audio: AudioDecoder) -> None:
    for chunk in await decoded(audio, a_wav(TONE * 40)):
        assert 0 < len(chunk) <= 1 << 20
        assert len(chunk) % 2 == 0


@pytest.mark.parametrize("promised", [0, 10, 2**32 - 40], ids=["none", "less", "more"])
async def test_the_size_that_a_wav_promises_is_not_trusted(
    audio: AudioDecoder, promised: int
) -> None:
    assert b"".join(await decoded(audio, a_wav(TONE, promised=promised))) == TONE


async def test_half_a_sample_at_the_end_is_left_out(audio: AudioDecoder) -> None:
    assert b"".join(await decoded(audio, a_wav(TONE + b"\x01"))) == TONE


async def test_a_recording_without_samples_gives_no_chunk(audio: AudioDecoder) -> None:
    assert await decoded(audio, a_wav(b"")) == []


@pytest.mark.parametrize("recording", [b"", b"not a recording " * 100], ids=["empty", "text"])
async def test_what_is_no_recording_is_undecodable(audio: AudioDecoder, recording: bytes) -> None:
    with pytest.raises(UndecodableAudio):
        await decoded(audio, recording)


async def test_a_recording_that_is_longer_than_it_may_be_fails_with_the_limit(
    audio: AudioDecoder,
) -> None:
    recording = a_wav(TONE * 40)
    for longest_ms in (40_000, 39_000):
        chunks = audio.decode(PRACTICE, reader(recording), len(recording), longest_ms=longest_ms)
        if longest_ms == 40_000:
            assert sum([len(chunk) async for chunk in chunks]) == 40 * len(TONE)
            continue
        with pytest.raises(RecordingTooLong) as raised:
            [_ async for _ in chunks]
        assert raised.value.details == {"longest": 39}


async def test_a_recording_that_is_too_long_by_its_headers_is_refused_beforehand(
    audio: AudioDecoder,
) -> None:
    recording = a_wav(TONE * 40)
    await audio.check(PRACTICE, reader(recording), len(recording), longest_ms=40_000)
    with pytest.raises(TooLarge) as raised:
        await audio.check(PRACTICE, reader(recording), len(recording), longest_ms=39_000)
    assert (raised.value.code, raised.value.details) == ("too_long", {"longest": 39})


async def test_a_recording_may_be_left_early(audio: AudioDecoder) -> None:
    recording = a_wav(TONE * 40)
    chunks = audio.decode(PRACTICE, reader(recording), len(recording))
    async for chunk in chunks:
        assert chunk
        break
    await chunks.aclose()  # type: ignore[attr-defined] # every adapter's iterator is a generator


async def away(_start: int, _end: int) -> bytes:
    """Read nothing: the store can't be reached."""
    raise Unavailable


async def test_what_the_reader_raises_comes_out_as_it_is(audio: AudioDecoder) -> None:
    with pytest.raises(Unavailable):
        [_ async for _ in audio.decode(PRACTICE, away, 1_000)]


async def test_recordings_are_decoded_side_by_side(audio: AudioDecoder) -> None:
    results = await asyncio.gather(*(decoded(audio, a_wav(TONE * each)) for each in range(1, 4)))
    assert [b"".join(each) for each in results] == [TONE * each for each in range(1, 4)]


@pytest.mark.parametrize(
    "recording", [a_wav(TONE), a_wav(b""), a_wav(TONE)[:20]], ids=["sound", "nothing", "cut short"]
)
async def test_what_may_still_be_decoded_is_not_refused_beforehand(
    audio: AudioDecoder, recording: bytes
) -> None:
    await audio.check(PRACTICE, reader(recording), len(recording))


async def test_a_check_says_the_length_by_the_headers_if_it_is_known(audio: AudioDecoder) -> None:
    recording = a_wav(TONE * 3)
    assert await audio.check(PRACTICE, reader(recording), len(recording)) in {3_000, None, 0}
    empty = a_wav(b"")
    assert not await audio.check(PRACTICE, reader(empty), len(empty))


async def taken(audio: SupportsPlayback, *recordings: bytes, **options: int) -> Rendition:
    """Make what players play of these recordings, leave the pieces, and return what is reported."""
    reports: list[Rendition] = []
    readable = [ReadableRecording(reader(each), len(each)) for each in recordings]
    options = {"expected_ms": 10_000} | options
    async for _ in audio.playback(PRACTICE, readable, **options, on_end=reports.append):
        pass
    (report,) = reports
    return report


async def test_what_players_play_has_all_recordings_on_one_timeline(
    playable: SupportsPlayback,
) -> None:
    nothing = b"no recording at all" * 100
    after_nothing = next_start(next_start(2_000))
    report = await taken(playable, a_wav(TONE * 2), nothing, a_wav(TONE))
    assert report.duration_ms == after_nothing + 1_000
    peaks = array.array("b", report.peaks)
    at = 2 * PEAKS_PER_SECOND
    assert max(peaks[2 * at : after_nothing // 1000 * at]) == 0
    assert max(peaks[after_nothing // 1000 * at :]) > 0


async def test_what_players_play_is_refused_where_there_is_nothing_or_too_much(
    playable: SupportsPlayback,
) -> None:
    with pytest.raises(UndecodableAudio):
        await taken(playable, b"no recording at all" * 100)
    with pytest.raises(RecordingTooLong):
        await taken(playable, a_wav(TONE * 2), a_wav(TONE * 2), longest_ms=5_000)


async def test_what_players_play_fails_with_what_reading_raises(
    playable: SupportsPlayback,
) -> None:
    recordings = [ReadableRecording(away, 100_000)]
    pieces = playable.playback(PRACTICE, recordings, expected_ms=3_000, on_end=lambda _: None)
    with pytest.raises(Unavailable):
        [_ async for _ in pieces]


async def test_pieces_of_what_players_play_follow_each_other_but_for_its_first_4_mib(
    playable: SupportsPlayback,
) -> None:
    recording, size = a_wav(TONE * 3), 0
    reports: list[Rendition] = []
    pieces = playable.playback(
        PRACTICE,
        [ReadableRecording(reader(recording), len(recording))],
        expected_ms=3_000,
        on_end=reports.append,
    )
    async for offset, piece in pieces:
        assert not reports
        assert len(piece) <= 1 << 20
        assert offset == size or offset + len(piece) <= min(size, HEAD_BYTES)
        size = max(size, offset + len(piece))
    (report,) = reports
    assert report.media_type.startswith("audio/")
    assert report.duration_ms == 3_000
    assert len(report.peaks) == 3 * 2 * PEAKS_PER_SECOND
    assert max(report.peaks[:2]) > 0
