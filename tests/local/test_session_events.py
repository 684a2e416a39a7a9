"""Session events over sockets in the data directory: several processes, ones that died, long paths."""

import asyncio
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from tests.builders import PRACTICE, SESSION
from therapy.adapters.local.session_events import (
    FOLDER,
    LONGEST_PATH,
    NAME_LENGTH,
    SocketSessionEvents,
    listening_folder,
)
from therapy.testing.session_events import Publications


async def test_what_one_process_publishes_all_with_the_same_data_hear(tmp_path):
    one, other, elsewhere = Publications(), Publications(), Publications()
    async with (
        SocketSessionEvents(tmp_path).listen(one),
        SocketSessionEvents(tmp_path / "." / "").listen(other),
        SocketSessionEvents(tmp_path / "elsewhere").listen(elsewhere),
    ):
        await SocketSessionEvents(tmp_path).publish(PRACTICE, SESSION)
        assert await one.until(1) == await other.until(1) == [(PRACTICE, SESSION)]
    assert elsewhere.all == []


async def test_where_nobody_listens_nothing_is_written(tmp_path):
    events = SocketSessionEvents(tmp_path)
    await events.publish(PRACTICE, SESSION)
    assert list(tmp_path.iterdir()) == []
    async with events.listen(Publications()):
        pass
    await events.publish(PRACTICE, SESSION)
    assert list(listening_folder(tmp_path).iterdir()) == []


async def test_only_the_user_of_the_program_may_listen_or_publish(tmp_path):
    async with SocketSessionEvents(tmp_path).listen(Publications()):
        assert stat.S_IMODE(listening_folder(tmp_path).stat().st_mode) == 0o700


async def test_the_socket_of_a_process_that_was_killed_is_removed_and_the_others_hear(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
        killed.bind(str(folder / "killed"))
    published, events = Publications(), SocketSessionEvents(tmp_path)
    async with events.listen(published):
        await events.publish(PRACTICE, SESSION)
        await published.until(1)
        assert len(list(folder.iterdir())) == 1


async def test_one_that_does_not_read_keeps_nobody_waiting_for_long(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir()
    published, events = Publications(), SocketSessionEvents(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stopped:
        stopped.bind(str(folder / "stopped"))
        stopped.setblocking(False)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filling,
            suppress(BlockingIOError),
        ):
            filling.setblocking(False)
            while True:
                filling.sendto(b"x" * 900, str(folder / "stopped"))
        async with events.listen(published), asyncio.timeout(30):
            await events.publish(PRACTICE, SESSION)
            await published.until(1)


async def test_what_is_no_publication_is_passed_over(tmp_path):
    published, events = Publications(), SocketSessionEvents(tmp_path)
    async with events.listen(published):
        (path,) = listening_folder(tmp_path).iterdir()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for wrong in (b"", b"nothing", b"\xff\xfe|\xff"):
                sender.sendto(wrong, str(path))
        await events.publish(PRACTICE, SESSION)
        assert await published.until(1) == [(PRACTICE, SESSION)]


async def test_a_data_directory_with_a_long_path_has_its_sockets_elsewhere(tmp_path: Path):
    deep = tmp_path / ("d" * LONGEST_PATH)
    folder = listening_folder(deep)
    assert not folder.is_relative_to(deep)
    assert len(os.fsencode(folder)) + 1 + NAME_LENGTH <= LONGEST_PATH
    published, events = Publications(), SocketSessionEvents(deep)
    async with events.listen(published):
        await SocketSessionEvents(deep).publish(PRACTICE, SESSION)
        await published.until(1)
    folder.rmdir()
