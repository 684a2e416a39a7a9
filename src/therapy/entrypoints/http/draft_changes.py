"""/sessions/{id}/draft/speakers, /replace and /lines: changes of a draft that concern many lines."""

from functools import partial

from litestar import Response, post
from litestar.params import JSONBody

from therapy.domain.access import Actor
from therapy.domain.draft_lines import merged, split
from therapy.domain.draft_speakers import SpeakerRepair
from therapy.domain.errors import InvalidInput
from therapy.domain.find_and_replace import Replacement
from therapy.domain.transcript import TranscriptVersion, Utterance
from therapy.entrypoints.http.dependencies import Caller, IsRepeated, RecordsDependency
from therapy.entrypoints.http.draft_schemas import (
    DraftAnswer,
    IfMatch,
    LineChangeRequest,
    ReplaceAnswer,
    ReplaceRequest,
    SpeakerChange,
    draft_answer,
    draft_etag,
    etag_of,
    precondition,
)
from therapy.entrypoints.http.idempotency_key import SHOWN_ANEW
from therapy.entrypoints.http.json_bodies import absent_first, json_response
from therapy.entrypoints.http.problem_answers import (
    DRAFTS,
    JSON_BODY,
    OWN_SESSION,
    WRITES,
    problems,
)
from therapy.entrypoints.http.schema_types import SessionId
from therapy.entrypoints.http.session_transcript import line_of
from therapy.repositories.records import Records
from therapy.workflows import draft_replacing, drafts
from therapy.workflows.draft_preconditions import ANY
from therapy.workflows.drafts import LineEdit


@post(
    "/{session_id:str}/draft/speakers",
    status_code=200,
    opt=SHOWN_ANEW,
    operation_id="change_draft_speakers",
    summary="Say who speaks in my draft",
    response_description="The draft as it is now.",
    response_headers=[draft_etag],
    responses=problems(
        *OWN_SESSION,
        *JSON_BODY,
        *("unknown_field", "one_of", "no_such_voice"),
        *DRAFTS,
        "no_draft",
        *WRITES,
        field="speaker",
    ),
)
async def speakers(
    session_id: SessionId,
    data: JSONBody[SpeakerChange],
    actor: Caller,
    *,
    is_repeated: IsRepeated,
    records: RecordsDependency,
    if_match: IfMatch = None,
) -> Response[DraftAnswer]:
    """Change who speaks: swap therapist and patient, assign a voice, or all lines from one time to another.

    For the session's therapist. Without `to_ms` it is from there on to the end. If there is no draft, one
    is made from the version in force. `If-Match` may have the draft's ETag.
    """
    async with absent_first(actor, session_id, records=records):
        repair = _repair(data)
    return await _edited(
        actor, session_id, repair.lines, if_match, is_repeated=is_repeated, records=records
    )


@post(
    "/{session_id:str}/draft/lines",
    status_code=200,
    opt=SHOWN_ANEW,
    operation_id="change_draft_lines",
    summary="Split or merge lines of my draft",
    response_description="The draft as it is now.",
    response_headers=[draft_etag],
    responses=problems(
        *OWN_SESSION,
        *JSON_BODY,
        *("unknown_field", "one_of", "no_such_line", "no_such_word", "no_room_for_line"),
        *("merge_two_lines", "lines_not_neighbours"),
        *DRAFTS,
        "no_draft",
        *WRITES,
        field="split.start_ms",
    ),
)
async def lines(
    session_id: SessionId,
    data: JSONBody[LineChangeRequest],
    actor: Caller,
    *,
    is_repeated: IsRepeated,
    records: RecordsDependency,
    if_match: IfMatch = None,
) -> Response[DraftAnswer]:
    """Split a line before one of its words, or merge neighbouring lines; words keep their times.

    For the session's therapist. The second part of a line that was split begins when its first word does; of
    a line without words that is estimated. A merged line has the first one's start and speaker. If there is
    no draft, one is made from the version in force. `If-Match` may have the draft's ETag.
    """
    async with absent_first(actor, session_id, records=records):
        change = _line_change(data)
    return await _edited(
        actor, session_id, change, if_match, is_repeated=is_repeated, records=records
    )


@post(
    "/{session_id:str}/draft/replace",
    status_code=200,
    opt=SHOWN_ANEW,
    operation_id="replace_in_draft",
    summary="Find and replace in my draft",
    response_description="How often it was found, and the lines that changed.",
    responses=problems(
        *OWN_SESSION,
        *JSON_BODY,
        *("unknown_field", "too_much_replaced"),
        *DRAFTS,
        *WRITES,
        field="find",
    ),
)
async def replace(
    session_id: SessionId,
    data: JSONBody[ReplaceRequest],
    actor: Caller,
    *,
    is_repeated: IsRepeated,
    records: RecordsDependency,
    if_match: IfMatch = None,
) -> Response[ReplaceAnswer]:
    """Replace a text in all lines, or show what would change (`preview`).

    For the session's therapist. Literal text, found in any case, put there as it is. Whole words end at
    whatever is no letter, digit or mark; a word with a Hebrew prefix is another word. If there is no draft,
    one is made from the version in force, but not by a preview. `If-Match` may have the draft's ETag, and the
    answer has it, too, if there is a draft. Sent again under its Idempotency-Key it only shows what is left
    to replace.
    """
    wanted = Replacement(data.find, data.replace_with, data.whole_words)
    found = await draft_replacing.replace(
        actor,
        session_id,
        wanted,
        ANY if is_repeated else precondition(if_match),
        is_preview=data.preview or is_repeated,
        records=records,
    )
    return await json_response(
        lambda: ReplaceAnswer(found.times, [line_of(each) for each in found.lines]),
        etag_of(found.view),
    )


async def _edited(
    actor: Actor,
    session_id: str,
    change: LineEdit,
    if_match: str | None,
    *,
    is_repeated: bool,
    records: Records,
) -> Response[DraftAnswer]:
    """Change the draft, or just show it if that was done before."""
    if is_repeated:
        view = await drafts.show(actor, session_id, records=records)
    else:
        known = precondition(if_match)
        view = await drafts.edit(actor, session_id, change, known, records=records)
    return await json_response(partial(draft_answer, view), etag_of(view))


def _repair(data: SpeakerChange) -> SpeakerRepair:
    """Return what is asked for; InvalidInput if it is not exactly one of the three."""
    has_range = data.from_ms is not None
    asked = data.swap, data.voice is not None, has_range
    if sum(asked) != 1 or data.swap == (data.speaker is not None):
        raise InvalidInput("body", "one_of")
    if data.to_ms is not None and not has_range:
        raise InvalidInput("from_ms", "required")
    if data.to_ms is not None and data.to_ms <= (data.from_ms or 0):
        raise InvalidInput("to_ms")
    return SpeakerRepair(data.speaker, data.voice, data.from_ms or 0, data.to_ms)


def _line_change(data: LineChangeRequest) -> LineEdit:
    if (data.split is None) == (data.merge is None):
        raise InvalidInput("body", "one_of")

    def change(base: TranscriptVersion, lines: tuple[Utterance, ...]) -> tuple[Utterance, ...]:
        if data.split is not None:
            return split(lines, data.split.start_ms, data.split.at_word, base.utterances)
        return merged(lines, data.merge or [])

    return change
