"""What `ports.recordings` promises of links from which players fetch a recording directly."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from email.message import Message
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from therapy.domain.errors import InvalidInput, NotFound, Unavailable
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.recordings import Recordings, SupportsPlaybackLink
from therapy.testing.optional_promises import CutOff, given
from therapy.testing.recordings.uploads import BAD_NAMES, FIRST, LAST, staged, whole
from therapy.testing.samples import HOUR, MINUTE, OTHER_PRACTICE, PRACTICE, SECOND

KEY, OTHER_KEY = "recording-1", "recording-2"
OTHERS = b"what somebody else said"
MEDIA_TYPE = "audio/mp4"

DIRECTLY = build_opener(ProxyHandler({}))
"""Asks whom the link names, whatever proxy is set in the environment."""


async def kept(recordings: Recordings, *blocks: bytes, key: str = KEY) -> None:
    await staged(recordings, *blocks, upload_id=f"upload-of-{key}")
    await recordings.keep(PRACTICE, f"upload-of-{key}", len(blocks), key)


def fetched(
    link: str, method: str = "GET", body: bytes | None = None, span: str = ""
) -> tuple[int, Message, bytes]:
    """Return status, headers and body of what answers a link, for a range of bytes if one is named."""
    headers = {"Range": f"bytes={span}"} if span else {}
    asked = Request(link, body, headers, method=method)  # noqa: S310 - what the adapter gave
    try:
        with DIRECTLY.open(asked, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read()


async def played(link: str, span: str = "") -> tuple[int, Message, bytes]:
    return await asyncio.to_thread(fetched, link, span=span)


async def tried(link: str, method: str, body: bytes | None) -> None:
    """Try to change something by a link: it may be refused by an answer, or by closing the connection."""
    with suppress(OSError, HTTPException):
        await asyncio.to_thread(fetched, link, method, body)


async def is_refused(link: str) -> bool:
    """Return whether a link plays nothing any more."""
    status, _, _ = await played(link)
    return status >= 400


async def test_a_link_plays_a_recording_and_its_ranges_as_what_they_are(
    recordings: Recordings, linked: SupportsPlaybackLink
) -> None:
    await kept(recordings, FIRST, LAST)
    link = await linked.playback_link(PRACTICE, KEY, 5 * MINUTE, MEDIA_TYPE)
    status, headers, body = await played(link)
    assert (status, body) == (200, FIRST + LAST)
    assert headers["Content-Type"] == MEDIA_TYPE
    for span, there in (
        ("0-0", FIRST[:1]),
        (f"{BLOCK_SIZE - 2}-{BLOCK_SIZE + 1}", FIRST[-2:] + LAST[:2]),
        (f"{BLOCK_SIZE}-", LAST),
    ):
        status, headers, body = await played(link, span)
        assert (status, body) == (206, there), span
        assert headers["Content-Type"] == MEDIA_TYPE
    another = await linked.playback_link(PRACTICE, KEY, HOUR, "audio/ogg")
    _, headers, body = await played(another, "0-3")
    assert (headers["Content-Type"], body) == ("audio/ogg", FIRST[:4])


async def test_a_link_reads_no_other_recording_and_changes_none(
    recordings: Recordings, linked: SupportsPlaybackLink
) -> None:
    await kept(recordings, LAST)
    await kept(recordings, OTHERS, key=OTHER_KEY)
    link = await linked.playback_link(PRACTICE, KEY, 5 * MINUTE, MEDIA_TYPE)
    turned = link.replace(KEY, OTHER_KEY)
    assert (await played(turned))[2] != OTHERS
    for url in (link, turned):
        for method, sent in (("PUT", b"forged"), ("POST", b"forged"), ("DELETE", None)):
            await tried(url, method, sent)
    assert await whole(recordings, KEY) == LAST
    assert await whole(recordings, OTHER_KEY) == OTHERS


async def test_a_link_ends_with_its_lifetime(
    recordings: Recordings, linked: SupportsPlaybackLink
) -> None:
    """It may end in the last second before, or the first after: clocks and signatures have whole ones."""
    await kept(recordings, LAST)
    link = await linked.playback_link(PRACTICE, KEY, SECOND, MEDIA_TYPE)
    for _ in range(30):
        if await is_refused(link):
            return
        await asyncio.sleep(0.1)
    pytest.fail("a link of a second plays after three")


@pytest.mark.parametrize("lifetime", [timedelta(), -MINUTE, HOUR + SECOND, 24 * HOUR], ids=str)
async def test_a_link_lives_for_some_time_and_an_hour_at_most(
    recordings: Recordings, linked: SupportsPlaybackLink, lifetime: timedelta
) -> None:
    await kept(recordings, LAST)
    with pytest.raises(InvalidInput):
        await linked.playback_link(PRACTICE, KEY, lifetime, MEDIA_TYPE)


async def test_there_is_no_link_to_what_is_no_recording(
    recordings: Recordings, linked: SupportsPlaybackLink
) -> None:
    await kept(recordings, LAST)
    await kept(recordings, OTHERS, key=OTHER_KEY)
    await recordings.delete(PRACTICE, OTHER_KEY)
    await staged(recordings, LAST, upload_id="arriving")
    missing = [(PRACTICE, key) for key in ("arriving", "missing", OTHER_KEY, *BAD_NAMES)]
    for practice_id, key in (*missing, (OTHER_PRACTICE, KEY), ("..", KEY)):
        with pytest.raises(NotFound):
            await linked.playback_link(practice_id, key, 5 * MINUTE, MEDIA_TYPE)


async def test_a_link_that_can_not_be_made_now_is_unavailable(
    recordings: Recordings, linked: SupportsPlaybackLink, cut_off: CutOff | None
) -> None:
    """Nobody can tell then whether there is such a recording."""
    await kept(recordings, LAST)
    given(cut_off, "cut_off")()
    with pytest.raises(Unavailable):
        await linked.playback_link(PRACTICE, KEY, 5 * MINUTE, MEDIA_TYPE)


async def test_a_link_is_never_logged(
    recordings: Recordings, linked: SupportsPlaybackLink, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads the log could listen; what proves the right to it stands behind the "?", mostly."""
    await kept(recordings, LAST)
    with caplog.at_level(logging.DEBUG):
        link = await linked.playback_link(PRACTICE, KEY, 5 * MINUTE, MEDIA_TYPE)
    secret = link.partition("?")[2] or link
    told = [str(record.__dict__) + record.getMessage() for record in caplog.records]
    assert not [each for each in told if secret in each]
