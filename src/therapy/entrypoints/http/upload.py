"""POST /sessions/upload: a recording, streamed into the store while it arrives."""

import asyncio
from contextlib import suppress
from typing import Any

from litestar import Request, post

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import InvalidInput, TherapyError, TooLarge
from therapy.domain.texts import sentence
from therapy.entrypoints.http.bodies import UploadOperation
from therapy.entrypoints.http.multipart import PartEnd, PartStart, parts
from therapy.entrypoints.http.wire import MOST_METADATA, Uploaded, read_metadata
from therapy.workflows.desk import Desk
from therapy.workflows.intake import Receipt, Receiving, receiving

AUDIO, METADATA = "audio_file", "metadata"
LINGER_SECONDS = 30.0
MULTIPART_ROOM = MOST_METADATA + 64 * 1024
"""Bytes that a body may have beside the recording."""


@post("/upload", status_code=202, operation_class=UploadOperation, request_max_body_size=None)
async def upload(request: Request[Any, Any, Any], actor: Actor, desk: Desk) -> Uploaded:
    """Take in a recording with what is known about it; it is transcribed and then brought for review.

    The same recording sent again gives the same session.
    """
    require(actor, Action.RECORD)
    try:
        receipt = await _receive(request, actor, desk=desk)
    except TherapyError:
        await _linger(request)
        raise
    return Uploaded(receipt.session_id, "accepted", sentence("upload_accepted", actor.language))


async def _linger(request: Request[Any, Any, Any]) -> None:
    """Read on for a while and drop it: closing on a client that still sends would lose it our answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (message := await request.receive())["type"] == "http.request":
                if not message.get("more_body"):
                    return


async def _receive(request: Request[Any, Any, Any], actor: Actor, *, desk: Desk) -> Receipt:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > desk.limits.upload_bytes + MULTIPART_ROOM:
        raise TooLarge(limit=desk.limits.upload_bytes)
    async with receiving(actor, desk=desk) as incoming:
        file_name, metadata = await _read(request, incoming)
        details, therapist = read_metadata(metadata)
        return await incoming.finish(actor, details, therapist=therapist, file_name=file_name)


async def _read(request: Request[Any, Any, Any], incoming: Receiving) -> tuple[str, bytes]:
    """Stream the audio part into the upload and keep the metadata part; in whichever order they come.

    Raises:
        InvalidInput: a part is missing, unknown or there twice.
    """
    names: list[str] = []
    file_name, metadata = "", bytearray()
    async for event in parts(request):
        if isinstance(event, PartStart):
            if event.name not in {AUDIO, METADATA} or event.name in names:
                raise InvalidInput(event.name[:100] if event.name.isidentifier() else "body")
            names.append(event.name)
            file_name = event.file_name[:255] if event.name == AUDIO else file_name
        elif isinstance(event, PartEnd):
            if names[-1] == AUDIO:
                await incoming.end()
        elif names[-1] == AUDIO:
            await incoming.write(event)
        elif len(metadata) + len(event) > MOST_METADATA:
            raise TooLarge(limit=MOST_METADATA)
        else:
            metadata += event
    for part in (AUDIO, METADATA):
        if part not in names:
            raise InvalidInput(part, "required")
    return file_name, bytes(metadata)
