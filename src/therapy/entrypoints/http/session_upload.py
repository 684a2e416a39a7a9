"""POST /sessions/upload: a recording, streamed into the store while it arrives."""

import asyncio
from contextlib import aclosing, suppress
from typing import Annotated, Any

from litestar import Request, post
from msgspec import Struct

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import InvalidInput, TherapyError, TooLarge
from therapy.domain.messages import sentence
from therapy.entrypoints.http.dependencies import Caller, IntakeDependency, Language
from therapy.entrypoints.http.multipart import PartEnd, PartStart, parts
from therapy.entrypoints.http.problem_answers import SIGNED_IN, WRITES, problems
from therapy.entrypoints.http.request_bodies import MULTIPART, body_operation
from therapy.entrypoints.http.schema_types import SessionName, about
from therapy.entrypoints.http.upload_metadata import MOST_METADATA, MetadataIn, read_metadata
from therapy.workflows.uploads import Intake, Receipt, Receiving, receiving


class Uploaded(Struct):
    """A recording was taken in."""

    session_id: SessionName
    status: Annotated[str, about("Always `accepted`.", "accepted")]
    message: Annotated[
        str,
        about("One sentence for a person.", "The recording was received and is being transcribed."),
    ]


class UploadForm(Struct):
    """The parts of an upload, in either order; the app sends the audio first."""

    audio_file: Annotated[
        bytes,
        about(
            "Any recording that plays: WAV, M4A, MP3, OGG, WebM, FLAC and others, with a file name.",
            "(the bytes of session_audio.wav)",
            extra_json_schema={"format": "binary"},
        ),
    ]
    metadata: Annotated[MetadataIn, about("What is known about the recording, as JSON.")]


AUDIO, METADATA = "audio_file", "metadata"
LINGER_SECONDS = 5.0
QUIET_SECONDS = 0.5
MULTIPART_ROOM = MOST_METADATA + 64 * 1024
"""Bytes that a body may have besides the recording."""


@post(
    "/upload",
    status_code=202,
    operation_class=body_operation(UploadForm, MULTIPART),
    request_max_body_size=None,
    operation_id="upload_recording",
    summary="Upload a recording",
    response_description="Taken in; it is transcribed next.",
    responses=problems(
        *SIGNED_IN,
        *("required", "invalid", "metadata", "date", "timestamp", "languages", "people"),
        *("empty_file", "malformed_multipart", "forbidden", "other_therapist"),
        *("duplicate_recording", "too_large", "unsupported_media_type"),
        *("unsupported_audio", "unsupported_sound"),
        *WRITES,
        field="patient.name",
    ),
)
async def upload(
    request: Request[Any, Any, Any], actor: Caller, intake: IntakeDependency, language: Language
) -> Uploaded:
    """Take in a recording with what is known about it; it is transcribed and then brought for review.

    For therapists, who are the session's therapist by their token. The body may come chunked, of any length
    up to the installation's limit. The same recording sent again by the same therapist gives the same
    session, and a failed one is tried again; with other details it is 409, which names the session.
    """
    require(actor, Action.RECORD)
    body = _Body(request)
    try:
        receipt = await _receive(request, actor, intake=intake)
    except TherapyError:
        await body.drop()
        raise
    return Uploaded(receipt.session_id, "accepted", sentence("upload_accepted", language))


class _Body:
    """Keeps track of whether more of a request's body is to come."""

    def __init__(self, request: Request[Any, Any, Any]) -> None:
        self._receive = request.receive
        self._more = True
        request.receive = self._watch  # `stream` reads through it

    async def _watch(self) -> Any:
        message = await self._receive()
        self._more = bool(message["type"] == "http.request" and message.get("more_body"))
        return message

    async def drop(self) -> None:
        """Read and drop the rest for a while: a client that is still sending might never see our answer.

        Whoever pauses is told at once, and so is whoever has sent everything.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while self._more:
                    async with asyncio.timeout(QUIET_SECONDS):
                        await self._watch()


async def _receive(request: Request[Any, Any, Any], actor: Actor, *, intake: Intake) -> Receipt:
    most = intake.max_bytes
    if (request.content_length or 0) > most + MULTIPART_ROOM:
        raise TooLarge(limit=most)
    async with receiving(actor, intake=intake) as incoming:
        file_name, metadata = await _read(request, incoming)
        given = read_metadata(metadata)
        return await incoming.finish(
            actor,
            given.details,
            therapist=given.therapist,
            file_name=file_name,
            languages=given.languages,
            people=given.people,
        )


async def _read(request: Request[Any, Any, Any], incoming: Receiving) -> tuple[str, bytes]:
    """Stream the audio part into the upload and keep the metadata part; in whichever order they come.

    Raises:
        InvalidInput: a part is missing, unknown or there twice.
    """
    names: list[str] = []
    file_name, metadata = "", bytearray()
    async with aclosing(parts(request)) as events:
        async for event in events:
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
