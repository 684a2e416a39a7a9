"""/practice/vocabulary: the names and terms that a practice's recordings are recognised with."""

from typing import Annotated

from litestar import Response, Router, get, put
from litestar.datastructures import ResponseHeader
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, JSONBody
from msgspec import Meta, Struct

from therapy.domain import vocabulary
from therapy.domain.vocabulary import LONGEST_TERM, MOST_CORRECTIONS, MOST_TERMS, Vocabulary
from therapy.entrypoints.http.dependencies import Caller, RecordsDependency
from therapy.entrypoints.http.if_match import IfMatch, required_versions
from therapy.entrypoints.http.problem_answers import LONG_JSON_BODY, SIGNED_IN, WRITES, problems
from therapy.entrypoints.http.request_bodies import DETAILS_BODY
from therapy.entrypoints.http.schema_types import NO_NUL, about
from therapy.workflows import vocabularies
from therapy.workflows.edits import Expected

TermText = Annotated[
    str, Meta(pattern=NO_NUL, extra_json_schema={"maxLength": LONGEST_TERM, "minLength": 1})
]
"""Described with its bounds, which the domain holds: it says which entry is at fault, and what is allowed."""


class VocabularyCorrection(Struct, forbid_unknown_fields=True):
    """What engines hear, and what was said: whole words, taken literally."""

    heard: Annotated[
        TermText, about("What is heard; case and signs make no difference.", "sir taline")
    ]
    correct: Annotated[TermText, about("What was said.", "sertraline")]


class PracticeVocabulary(Struct, forbid_unknown_fields=True):
    """The vocabulary of a practice."""

    terms: Annotated[
        list[TermText],
        about("Names and terms that may be said.", ["sertraline", "Dana Example"]),
        Meta(extra_json_schema={"maxItems": MOST_TERMS}),
    ]
    corrections: Annotated[
        list[VocabularyCorrection],
        about("What is heard again and again instead of what was said."),
        Meta(extra_json_schema={"maxItems": MOST_CORRECTIONS}),
    ]


_ETAG = ResponseHeader(
    "ETag",
    documentation_only=True,
    required=True,
    value='"3"',
    description='The vocabulary\'s version, in quotes; `"0"` as long as there is none.',
)

IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match",
        max_length=1_000,
        description="`*` to write the first vocabulary, and no other.",
        examples=[Example(value="*")],
    ),
]


@get(
    "/vocabulary",
    operation_id="get_vocabulary",
    summary="Show the practice's vocabulary",
    response_description="The vocabulary; empty lists if nobody has written one.",
    response_headers=[_ETAG],
    responses=problems(*SIGNED_IN, "forbidden"),
)
async def show(actor: Caller, records: RecordsDependency) -> Response[PracticeVocabulary]:
    """Return the names, terms and corrections that the practice's recordings are recognised with.

    For the therapists of the practice.
    """
    return _answer(await vocabularies.load(actor, records=records))


@put(
    "/vocabulary",
    request_max_body_size=DETAILS_BODY,
    operation_id="write_vocabulary",
    summary="Write the practice's vocabulary",
    response_description="The vocabulary as it is now.",
    response_headers=[_ETAG],
    responses=problems(
        *SIGNED_IN,
        *LONG_JSON_BODY,
        "unknown_field",
        "too_many_terms",
        "too_many_corrections",
        "too_long_term",
        "no_word",
        "corrected_twice",
        "forbidden",
        "vocabulary_changed",
        "precondition_required",
        *WRITES,
        field="terms[0]",
    ),
)
async def write(
    data: JSONBody[PracticeVocabulary],
    actor: Caller,
    records: RecordsDependency,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response[PracticeVocabulary]:
    """Replace the vocabulary as a whole. What is recognised from now on is recognised with it.

    For the therapists of the practice. `If-Match` names the version that was changed, or `If-None-Match: *`
    says that there is none yet; if it is another, nothing is changed. Terms, and what corrections lead to,
    are hints for engines that take any. Corrections are made in new transcripts, in lines with the
    flag `vocabulary`.
    """
    wanted = Vocabulary(
        tuple(data.terms),
        tuple(vocabulary.Correction(each.heard, each.correct) for each in data.corrections),
    )
    expected = _expected(if_match, if_none_match)
    return _answer(await vocabularies.write(actor, wanted, expected=expected, records=records))


def _expected(if_match: str | None, if_none_match: str | None) -> Expected:
    if if_match is None and (if_none_match or "").strip() == "*":
        return {0}
    return required_versions(if_match)


def _answer(found: Vocabulary) -> Response[PracticeVocabulary]:
    shown = PracticeVocabulary(
        [*found.terms],
        [VocabularyCorrection(each.heard, each.correct) for each in found.corrections],
    )
    return Response(shown, headers={"ETag": f'"{found.version}"'})


router = Router("/practice", route_handlers=[show, write], tags=["practice"])
