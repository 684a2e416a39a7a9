"""Buffered bodies: fewer pieces for an upload, none later than a moment, and not read beyond a limit."""

import asyncio
import logging

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from therapy.entrypoints.http.buffered_body import (
    MOST_BYTES,
    PIECE_BYTES,
    add_piece,
    buffer_body,
    is_buffered,
)

READ = 1 << 18


class Line(asyncio.Transport):
    """A connection that notes whether it is read."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def request() -> tuple[RequestResponseCycle, Line]:
    line = Line()
    cycle = RequestResponseCycle(
        scope={"type": "http", "state": {}},
        transport=line,
        flow=FlowControl(line),
        logger=logging.getLogger(),
        access_logger=logging.getLogger(),
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: None,
    )
    return cycle, line


async def test_the_application_gets_what_came_once_it_is_enough():
    cycle, _ = request()
    first, second = b"a" * READ, b"b" * (PIECE_BYTES - READ)
    add_piece(cycle, first, cycle.flow)
    assert not cycle.message_event.is_set()
    add_piece(cycle, second, cycle.flow)
    assert cycle.message_event.is_set()
    message = await cycle.receive()
    assert message == {"type": "http.request", "body": first + second, "more_body": True}
    assert not cycle.message_event.is_set()


async def test_what_comes_slowly_is_passed_on_all_the_same_again_and_again():
    cycle, _ = request()
    for piece in (b"slow", b"slower"):
        add_piece(cycle, piece, cycle.flow)
        async with asyncio.timeout(30):
            assert (await cycle.receive())["body"] == piece


async def test_nothing_is_passed_on_a_moment_later_if_it_was_taken_before():
    cycle, _ = request()
    add_piece(cycle, b"little", cycle.flow)
    add_piece(cycle, bytes(PIECE_BYTES), cycle.flow)
    await cycle.receive()
    await asyncio.sleep(0.05)
    assert not cycle.message_event.is_set()


async def test_a_connection_that_brings_more_than_is_taken_is_not_read_until_it_is_taken():
    cycle, line = request()
    while line.reading:
        assert len(cycle.body) <= MOST_BYTES
        add_piece(cycle, bytes(READ), cycle.flow)
    assert len(cycle.body) == MOST_BYTES + READ
    await cycle.receive()
    assert line.reading


async def test_what_came_before_a_body_is_buffered_comes_first():
    cycle, _ = request()
    cycle.body += b"before"
    add_piece(cycle, b", behind", cycle.flow)
    assert (await cycle.receive())["body"] == b"before, behind"


async def test_only_who_asks_for_it_gets_a_buffered_body():
    scope = {"type": "http", "state": {}}
    assert not is_buffered(scope)
    buffer_body(scope)
    assert is_buffered(scope)
