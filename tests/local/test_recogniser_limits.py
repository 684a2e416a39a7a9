"""A recogniser that reaches a limit, or stands still, is ended and counted as a death."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import media
from therapy.adapters.local.speech.engine import CHILD, LIMITS, WhisperSpeech
from therapy.domain.errors import EngineDied
from therapy.ports.speech import SpeechOptions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are read from /proc"),
]


async def heard(speech: WhisperSpeech, samples: bytes) -> None:
    async def pcm():
        yield samples

    async with aclosing(speech.transcribe("p", pcm(), SpeechOptions(("en-US",), 0))) as events:
        async for _ in events:
            pass


async def test_a_recogniser_that_takes_more_memory_than_it_may_has_died_of_the_recording(tmp_path):
    speech = WhisperSpeech(cache=tmp_path, limits=replace(LIMITS, memory=64 << 20))
    with pytest.raises(EngineDied) as raised:
        await heard(speech, media.excerpt(0, 10))
    assert raised.value.code == "too_demanding"


async def test_a_recogniser_that_stands_still_is_ended(tmp_path):
    speech = WhisperSpeech(cache=tmp_path, limits=replace(LIMITS, silence=1.0))
    hearing = asyncio.create_task(heard(speech, media.excerpt(0, 1)))
    while not (children := recognisers()):  # noqa: ASYNC110 - nobody is told that it has started
        await asyncio.sleep(0.01)
    os.kill(children[0], signal.SIGSTOP)
    with pytest.raises(EngineDied) as raised:
        await hearing
    assert raised.value.details == {"reason": "silent"}
    assert not recognisers()


async def test_a_recogniser_opens_no_file_in_which_its_libraries_note_what_they_do(tmp_path):
    async def pcm():
        yield media.excerpt(0, 10)

    seen = set()
    speech = WhisperSpeech(cache=tmp_path)
    async with aclosing(speech.transcribe("p", pcm(), SpeechOptions(("en-US",), 0))) as events:
        async for _ in events:
            for child in recognisers():
                seen |= open_files(child)
    assert any(each.startswith("pipe:") for each in seen)
    named = {each for each in seen if each.startswith("/") and not each.endswith(" (deleted)")}
    assert not {each for each in named if not each.startswith("/dev/")}


def open_files(process: int) -> set[str]:
    """What the file descriptors of a process refer to."""
    found = set()
    for each in Path(f"/proc/{process}/fd").glob("*"):
        with suppress(OSError):  # closed meanwhile
            found.add(str(each.readlink()))
    return found


def recognisers() -> list[int]:
    """The recognisers that this process started."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and CHILD.encode() in (each / "cmdline").read_bytes():
                found.append(int(each.name))
    return found
