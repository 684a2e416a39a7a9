"""What the children that decode or encode sound say to their parent, read and checked."""

import asyncio

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.domain import errors
from therapy.domain.errors import EngineDied, EngineFailed, TherapyError

FAILURES: dict[str, type[TherapyError]] = {
    each.__name__: each
    for each in (
        errors.UnsupportedAudio,
        errors.TooLarge,
        errors.UndecodableAudio,
        errors.RecordingTooLong,
    )
}
"""What a child may report, by name; anything else is an engine that failed."""


async def next_message(incoming: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the next message: its kind and content.

    Raises:
        IncompleteReadError: the child has ended.
        EngineDied: it is no message, or longer than one may be.
    """
    kind, length = protocol.HEAD.unpack(await incoming.readexactly(protocol.HEAD.size))
    if length > protocol.LONGEST.get(kind, -1):
        raise EngineDied(reason="protocol")
    content = await incoming.readexactly(length)
    if kind == protocol.RANGE and length != protocol.SPAN.size:
        raise EngineDied(reason="protocol")
    return kind, content


def reported_error(content: bytes) -> TherapyError:
    """Return the error that a child reports."""
    try:
        failed = protocol.decode_failed(content)
    except msgspec.MsgspecError:
        return EngineDied(reason="protocol")
    if failed.error in FAILURES:
        return FAILURES[failed.error](failed.code, **failed.details)
    return EngineFailed(failed.code, reason=failed.details.get("reason", ""))
