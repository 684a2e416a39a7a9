"""POST /sessions/upload: a recording, streamed into the store while it arrives."""

from contextlib import aclosing
from typing import Annotated, Any

from litestar import Request, post
from msgspec import Struct

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import InvalidInput, TooLarge
from therapy.domain.messages import sentence
from therapy.domain.upload import Metadata
from therapy.entrypoints.http.buffered_body import buffer_body
from therapy.entrypoints.http.dependencies import Caller, IntakeDependency, Language
from therapy.entrypoints.http.idempotency_key import KEPT_ANSWER
from therapy.entrypoints.http.multipart import PartEnd, PartStart, parts
from therapy.entrypoints.http.problem_answers import SIGNED_IN, WRITES, problems
from therapy.entrypoints.http.request_bodies import JSON, MULTIPART, body_operation
from therapy.entrypoints.http.schema_types import SessionName, about
from therapy.entrypoints.http.upload_metadata import (
    MOST_METADATA,
    MetadataIn,
    read_metadata,
)
from therapy.entrypoints.http.watched_body import body_of
from therapy.workflows.continued_sessions import continued_by
from therapy.workflows.intake import Intake
from therapy.workflows.new_sessions import Receipt
from therapy.workflows.uploads import Receiving, receiving


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
            "Any recording that plays: WAV, M4A, MP3, OGG, WebM, FLAC and others; its bytes tell what it is, "
            "not its name or type. Errors: `required`, `empty_file`, `unsupported_audio` (415), "
            "`unsupported_sound` (415), `compressed_audio` (415), `too_large` (413), `too_long` (413), "
            "`duplicate_recording` (409).",
            "(the bytes of session_audio.wav)",
            extra_json_schema={"format": "binary"},
        ),
    ]
    metadata: Annotated[
        MetadataIn,
        about(
            "What is known about the recording: a JSON object, at most 1 MiB. Errors: `required`, "
            "`metadata`, `too_large` (413)."
        ),
    ]


AUDIO, METADATA = "audio_file", "metadata"
PART_TYPES = {AUDIO: "audio/*, application/octet-stream", METADATA: JSON}
"""For the OpenAPI document: what parts are usually sent as; nobody is refused for another type."""
MULTIPART_ROOM = 16 * MOST_METADATA
"""Bytes that a body may have besides the audio: fields and files that nobody reads are dropped."""


@post(
    "/upload",
    status_code=202,
    operation_class=body_operation(UploadForm, MULTIPART, part_types=PART_TYPES),
    request_max_body_size=None,
    opt=KEPT_ANSWER,
    operation_id="upload_recording",
    summary="Upload a recording",
    response_description="Taken in; it is transcribed next.",
    responses=problems(
        *SIGNED_IN,
        *("required", "invalid", "metadata", "date", "implausible_year", "timestamp", "languages"),
        "people",
        *("empty_file", "malformed_multipart", "request_timeout", "forbidden", "other_therapist"),
        *(
            *("not_found", "no_session_to_continue"),
            "other_patient",
            "too_late_to_continue",
            "too_many_recordings",
            "lease_lost",
        ),
        *(
            "upload_lost",
            "duplicate_recording",
            "too_large",
            "too_long",
            "unsupported_audio",
            "unsupported_sound",
        ),
        "checks_busy",
        *("compressed_audio", "unsupported_media_type", "compressed_body"),
        *(
            "too_many_waiting",
            "waiting_busy",
            "too_many_uploads",
            "daily_bytes",
            "uploads_busy",
            *WRITES,
        ),
        field="patient.name",
    ),
)
async def upload(
    request: Request[Any, Any, Any], actor: Caller, intake: IntakeDependency, language: Language
) -> Uploaded:
    """Take in a recording with what is known about it; it is transcribed and then brought for review.

    For therapists, who are the session's therapist by their token. The body may come chunked, of any length
    up to the installation's limit. The same recording sent again by the same therapist gives the same
    session, and a failed one is tried again; with other details it is 409, which names the session. With
    `continues` it becomes the next part of that session, which is transcribed as a whole again.
    """
    require(actor, Action.RECORD)
    async with body_of(request):
        receipt = await _receive(request, actor, intake=intake)
    return Uploaded(receipt.session_id, "accepted", sentence("upload_accepted", language))


async def _receive(request: Request[Any, Any, Any], actor: Actor, *, intake: Intake) -> Receipt:
    most = intake.max_bytes
    if (request.content_length or 0) > most + MULTIPART_ROOM:
        raise TooLarge(limit=most)
    buffer_body(request.scope)
    async with receiving(actor, request.content_length or 0, intake=intake) as incoming:
        form = _Form(actor, incoming, intake)
        given = await form.read(request)
        return await incoming.finish(
            actor,
            given.details,
            therapist=given.therapist,
            file_name=form.file_name,
            languages=given.languages,
            continues=given.continues,
            people=given.people,
        )


class _Form:
    """An upload's parts while they arrive, in whichever order they come."""

    def __init__(self, actor: Actor, incoming: Receiving, intake: Intake) -> None:
        self.file_name = ""
        self._actor, self._incoming, self._records = actor, incoming, intake.records
        self._names: list[str] = []
        self._metadata, self._dropped = bytearray(), 0
        self._given: Metadata | None = None

    async def read(self, request: Request[Any, Any, Any]) -> Metadata:
        """Stream the audio part into the upload; return the metadata.

        Raises:
            InvalidInput: a part is missing or there twice, or the metadata can't be read.
            TooLarge: a part other than the audio is larger than anyone needs.
        """
        async with aclosing(parts(request)) as events:
            async for event in events:
                if isinstance(event, PartStart):
                    self._begin(event)
                elif isinstance(event, PartEnd):
                    await self._end()
                elif self._names[-1] == AUDIO:
                    await self._incoming.write(event)
                else:
                    self._hold(event)
        if AUDIO not in self._names:
            raise InvalidInput(AUDIO, "required")
        if self._given is None:
            raise InvalidInput(METADATA, "required")
        return self._given

    def _begin(self, part: PartStart) -> None:
        if not part.name or part.name in {AUDIO, METADATA} & {*self._names}:
            raise InvalidInput(part.name or "body")
        self._names.append(part.name)
        if part.name == AUDIO:
            self.file_name = part.file_name[:255]

    def _hold(self, chunk: bytes) -> None:
        """Keep a piece of the metadata; drop one of a field or file that only another program knows."""
        if self._names[-1] == METADATA:
            self._metadata += chunk
        else:
            self._dropped += len(chunk)
        if len(self._metadata) > MOST_METADATA:
            raise TooLarge(limit=MOST_METADATA)
        if self._dropped > MULTIPART_ROOM:
            raise TooLarge(limit=MULTIPART_ROOM)

    async def _end(self) -> None:
        if self._names[-1] == AUDIO:
            await self._incoming.end()
        elif self._names[-1] == METADATA:
            audio_is_here = AUDIO in self._names
            today = self._records.now().date()
            raw = bytes(self._metadata)
            self._given = read_metadata(raw, today=today, audio_is_here=audio_is_here)
            if not audio_is_here and self._given.continues:
                await continued_by(
                    self._actor, self._given.continues, self._given.details, records=self._records
                )
