"""What a child process may know and do, and how many there are."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests import media
from tests.audio.decoding import decoder_processes, reader
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.audio.audio_track import look_for_audio
from therapy.adapters.audio.decoder import CHECKS_AT_ONCE, HEAD_BYTES
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.adapters.child_process.parent_side import kill
from therapy.domain.errors import EngineFailed, ErrorClass

pytestmark = [
    pytest.mark.slow,  # each starts a child that decodes or encodes
    pytest.mark.skipif(sys.platform != "linux", reason="processes are read from /proc"),
]


CHILDREN = [
    "therapy.adapters.audio.decoder_process",
    "therapy.adapters.audio.playback_process",
    "therapy.adapters.local.speech.recogniser_process",
]


def read_of_process(process: int | str, name: str) -> str:
    return Path(f"/proc/{process}/{name}").read_text()


async def seen_of_a_decoder(name: str) -> str:
    """A file of /proc about a decoder at work."""
    data = media.long_recording("wav")
    chunks = PyAvAudioDecoder().decode("practice", reader(data), len(data))
    try:
        await anext(chunks)
        (child,) = decoder_processes()
        return read_of_process(child, name)
    finally:
        await chunks.aclose()


async def test_a_child_that_crashes_leaves_no_core_dump_with_what_was_said():
    (core,) = [
        line
        for line in (await seen_of_a_decoder("limits")).splitlines()
        if line.startswith("Max core file size")
    ]
    assert core.split()[4:6] == ["0", "0"]


async def test_a_child_is_killed_before_its_parent_if_memory_runs_out():
    parent = int(read_of_process("self", "oom_score_adj"))
    assert int(await seen_of_a_decoder("oom_score_adj")) == 1000 > parent


async def test_a_child_gets_no_secrets_but_finds_the_libraries_of_its_parent(monkeypatch):
    monkeypatch.setenv("JWT_SECRET", "of the parent only")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/python/lib")
    lines = (await seen_of_a_decoder("environ")).split("\0")
    assert "LD_LIBRARY_PATH=/opt/python/lib" in lines
    assert {each.split("=")[0] for each in lines if each} == {
        "PYTHONPATH",
        "PYTHONUTF8",
        "MALLOC_ARENA_MAX",
        "LD_LIBRARY_PATH",
    }


async def test_many_checks_at_once_are_few_processes():
    data, decoder, most = media.recording("flac"), PyAvAudioDecoder(), 0

    async def counting(start: int, end: int) -> bytes:
        nonlocal most
        most = max(most, len(decoder_processes()))
        return data[start:end]

    await asyncio.gather(*(decoder.check("p", counting, len(data)) for _ in range(10)))
    assert 0 < most <= CHECKS_AT_ONCE
    assert not decoder_processes()


@pytest.mark.parametrize("missing", [0, 30_000], ids=["whole", "cut off"])
async def test_a_plain_wav_is_checked_without_a_process_and_as_ffmpeg_would(missing):
    data = media.recording("wav")
    data = data[: len(data) - missing]

    async def watching(start: int, end: int) -> bytes:
        assert (start, end) == (0, HEAD_BYTES)
        return data[start:end]

    length = await PyAvAudioDecoder().check("practice", watching, len(data))
    file = RangedFile(lambda start, end: data[start:end], len(data))
    assert length == look_for_audio(file) > 9_000


async def test_no_process_for_want_of_descriptors_is_an_engine_that_failed_and_no_reason_to_refuse():
    data, decoder = media.recording("flac"), PyAvAudioDecoder()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(EngineFailed) as raised:
            await anext(decoder.decode("practice", reader(data), len(data)))
        await decoder.check("practice", reader(data), len(data))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert raised.value.error_class is ErrorClass.TRANSIENT
    assert raised.value.details == {"reason": "no_process"}


def wait_until_it_ended(process: int) -> None:
    """Return once a process has ended, whether or not it was reaped; let no event loop run meanwhile."""
    with suppress(FileNotFoundError, ProcessLookupError):  # reaped already
        while read_of_process(process, "stat").rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.0005)


async def test_who_ends_a_child_that_has_just_ended_leaves_its_exit_status_alone():
    statuses = set()
    for _ in range(40):  # before, about one in fifteen was 255
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", "import os; os._exit(7)"
        )
        wait_until_it_ended(child.pid)
        kill(child)
        statuses.add(await child.wait())
    assert statuses == {7}


@pytest.mark.parametrize("told", [b"", b"{"], ids=["nothing", "half a line"])
@pytest.mark.parametrize("module", CHILDREN)
def test_a_child_whose_parent_has_gone_before_it_said_what_to_do_ends_in_silence(module, told):
    ended = subprocess.run(
        [sys.executable, "-m", module], input=told, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, b"", b"")


@pytest.mark.parametrize("module", CHILDREN)
def test_a_child_whose_parent_has_gone_when_it_wants_to_tell_of_a_fault_shows_no_trace(module):
    reading, writing = os.pipe()
    os.close(reading)
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    _, said = child.communicate(b'{"wrong": 1}\n')
    assert child.returncode == 1
    assert b"Traceback" not in said
