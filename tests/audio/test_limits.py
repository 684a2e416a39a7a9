"""What a child process may use, and what comes of one that reaches a limit or misbehaves."""

import asyncio
import os
import signal
import sys

import pytest

from tests import media
from tests.audio.bombs import flac_of_days
from tests.audio.bombs_in_mp4 import fragments
from tests.audio.decoding import decoder_processes, reader
from therapy.adapters.audio import PyAvAudioDecoder, child_messages
from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.child_process import probe
from therapy.adapters.child_process.limits import Limits
from therapy.adapters.child_process.parent_side import ended, refused_here
from therapy.domain.errors import (
    EngineDied,
    EngineFailed,
    RecordingTooLong,
    TooLarge,
    Unavailable,
    UndecodableAudio,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="macOS lacks most limits"),
]


async def decoded(data: bytes, limits: Limits, **more: int) -> int:
    """How many bytes of samples come out."""
    chunks = PyAvAudioDecoder(limits=limits).decode("practice", reader(data), len(data), **more)
    return sum([len(each) async for each in chunks])


async def test_memory_cpu_time_files_and_the_network_are_refused_to_a_child():
    assert await refused_here() == probe.ALL


async def test_a_recording_that_takes_more_memory_than_one_may_fails_for_good():
    with pytest.raises(UndecodableAudio) as raised:
        await decoded(fragments(3_000), Limits(memory=16 << 20))
    assert raised.value.code == "too_demanding"


async def test_a_decoder_that_takes_too_much_cpu_time_is_ended():
    limits = Limits(memory=64 << 20, cpu=1, cpu_per_minute=0)
    with pytest.raises(EngineDied) as raised:
        await decoded(flac_of_days(60_000), limits, longest_ms=10**9)
    assert raised.value.details == {"reason": "signal", "status": -signal.SIGXCPU}


async def test_cpu_time_is_allowed_for_the_audio_that_comes_out():
    """A hundred times as much audio would be stopped with the CPU time for starting alone."""
    limits = Limits(memory=64 << 20, cpu=5, cpu_per_minute=1)
    with pytest.raises(RecordingTooLong):
        await decoded(flac_of_days(30_000), limits)


async def test_a_decoder_that_is_silent_for_too_long_is_ended():
    data = media.long_recording("wav")
    limits = Limits(memory=64 << 20, silence=2.0)  # a start takes one on a busy machine
    chunks = PyAvAudioDecoder(limits=limits).decode("practice", reader(data), len(data))
    await anext(chunks)
    (child,) = decoder_processes()
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(EngineDied) as raised:
        [_ async for _ in chunks]
    assert raised.value.details == {"reason": "silent"}
    assert not decoder_processes()


async def test_a_decoder_that_takes_no_answer_for_too_long_is_ended():
    data = media.long_recording("wav")
    read = reader(data)

    async def stopping(start: int, end: int) -> bytes:
        if start:  # the child has asked, and does not read what it is sent
            os.kill(decoder_processes()[0], signal.SIGSTOP)
        return await read(start, end)

    limits = Limits(memory=64 << 20, silence=1.0)
    chunks = PyAvAudioDecoder(limits=limits).decode("practice", stopping, len(data))
    with pytest.raises(EngineDied) as raised:
        [_ async for _ in chunks]
    assert raised.value.details == {"reason": "silent"}
    assert not decoder_processes()


async def test_a_child_that_the_machine_kills_for_want_of_memory_is_not_the_recordings_fault():
    assert not isinstance(ended(-signal.SIGKILL), EngineDied)
    assert isinstance(ended(-signal.SIGABRT), EngineDied)
    assert type(ended(1)) is EngineFailed


@pytest.mark.parametrize(
    ("kind", "length"),
    [
        (protocol.PCM, 2 << 20),
        (protocol.FOUND, 64 << 20),
        (protocol.FAILED, 5_000),
        (protocol.RANGE, 15),
        (b"?", 0),
    ],
)
async def test_a_child_can_t_make_its_parent_keep_a_message_that_is_none(kind, length):
    stream = asyncio.StreamReader()
    stream.feed_data(protocol.HEAD.pack(kind, length) + bytes(16))
    with pytest.raises(EngineDied):
        await child_messages.next_message(stream)


async def test_checks_beyond_the_queue_are_told_to_come_back():
    data, going_on = media.recording("wav"), asyncio.Event()

    async def waiting(start: int, end: int) -> bytes:
        await going_on.wait()
        return data[start:end]

    audio = PyAvAudioDecoder(checks_at_once=1, checks_waiting=1)
    checks = [asyncio.create_task(audio.check("p", waiting, len(data))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as raised:
        await audio.check("p", waiting, len(data))
    assert raised.value.code == "checks_busy"
    going_on.set()
    await asyncio.gather(*checks)
    await audio.check("p", waiting, len(data))


async def test_days_in_a_small_file_are_refused_at_the_upload():
    data = flac_of_days(30_000)
    with pytest.raises(TooLarge) as raised:
        await PyAvAudioDecoder().check("practice", reader(data), len(data))
    assert raised.value.details == {"longest": 4 * 3600}


async def test_a_length_that_a_header_states_is_not_believed_of_a_file_that_can_t_have_it():
    data = bytearray(media.recording("flac"))
    data[22:26] = b"\xff" * 4  # how many samples there are
    await PyAvAudioDecoder().check("practice", reader(bytes(data)), len(data), longest_ms=60_000)


async def test_a_check_whose_process_dies_leaves_it_to_decoding():
    data, killed = media.recording("flac"), []

    async def killing(start: int, end: int) -> bytes:
        for child in decoder_processes():
            os.kill(child, signal.SIGABRT)
            killed.append(child)
        return data[start:end]

    assert await PyAvAudioDecoder().check("practice", killing, len(data)) == 0
    assert killed
