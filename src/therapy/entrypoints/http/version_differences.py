"""GET /sessions/{id}/versions/{n}/diff: what differs between two versions of a transcript."""

from functools import partial
from typing import Annotated

from litestar import Response, get
from litestar.datastructures import State
from litestar.openapi.spec import Example
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct, field

from therapy.domain.transcript import TranscriptVersion, Utterance
from therapy.domain.version_diff import ChangeKind, LineChange, WordChange, changes
from therapy.entrypoints.http.dependencies import Caller, RecordsDependency
from therapy.entrypoints.http.json_bodies import json_response
from therapy.entrypoints.http.long_bodies import LongBodies
from therapy.entrypoints.http.problem_answers import OWN_SESSION, problems
from therapy.entrypoints.http.schema_types import SessionId, about
from therapy.entrypoints.http.session_transcript import TranscriptLine, line_of
from therapy.workflows import review


class ChangedLine(Struct):
    """What became of a line."""

    kind: Annotated[
        ChangeKind,
        about(
            "`same`, `replaced` (other words), `speaker` (the same words, another speaker), `added` or "
            "`removed`.",
            "replaced",
        ),
    ]
    old: Annotated[
        TranscriptLine | None, about("The line in version `number`; null if it was added.")
    ] = field(name="from")
    new: Annotated[
        TranscriptLine | None, about("The line in version `to`; null if it was removed.")
    ] = field(name="to")
    words: Annotated[
        list[tuple[WordChange, str]],
        about(
            "Each word and what became of it, those removed before those added in their place.",
            [["same", "I"], ["removed", "slept"], ["added", "sleep"], ["same", "well."]],
        ),
    ]


class VersionDifferences(Struct):
    """What differs between two versions."""

    changes: Annotated[
        list[ChangedLine], about("Every line of both, in order of time, the same ones too.")
    ]


@get(
    "/{session_id:str}/versions/{number:int}/diff",
    operation_id="compare_versions",
    summary="Compare two versions of a session's transcript",
    response_description="What became of each line.",
    responses=problems(*OWN_SESSION, "required", "no_transcript", "version_not_found", field="to"),
)
async def difference(
    session_id: SessionId,
    number: Annotated[
        int, PathParameter(description="The version before.", examples=[Example(value=1)])
    ],
    actor: Caller,
    *,
    records: RecordsDependency,
    state: State,
    to: Annotated[
        int, QueryParameter(description="The version after.", examples=[Example(value=2)])
    ],
) -> Response[VersionDifferences]:
    """Return what became of each line from one version to the other, whichever is newer.

    For the session's therapist, from `awaiting_review` on. A version that there is not is a 404 that
    says which there are.
    """
    session = await review.transcribed_session(actor, session_id, records=records)
    load = partial(review.version_of, session, records=records)
    bodies: LongBodies = state.long_bodies
    async with bodies.comparing:
        return await json_response(partial(_differences, await load(number), await load(to)))


def _differences(old: TranscriptVersion, new: TranscriptVersion) -> VersionDifferences:
    return VersionDifferences([_shown(each) for each in changes(old, new)])


def _shown(change: LineChange) -> ChangedLine:
    new = _line(change.new)
    old = new if change.old == change.new else _line(change.old)
    return ChangedLine(change.kind, old, new, [*change.words])


def _line(utterance: Utterance | None) -> TranscriptLine | None:
    return None if utterance is None else line_of(utterance)
