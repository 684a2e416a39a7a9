"""The header Idempotency-Key in the OpenAPI document: at every operation that takes one, also at new ones."""

from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    Schema,
)

from therapy.domain.idempotency import HEADER, LONGEST_KEY
from therapy.entrypoints.http.errors import PROBLEM_TYPE
from therapy.entrypoints.http.problem_answers import CODES, WHY, example_of_code

A_KEY = "0c9a3d52-7f8e-4b1a-9d6c-2e5f4a3b1c0d"
PROBLEM = "#/components/schemas/Problem"
CODES_OF_KEYS = (
    *("idempotency_key", "request_timeout", "request_under_way", "idempotency_key_reused"),
    *("stale", "storage_full"),
)
"""What may be answered because a request has a key."""

DESCRIPTION = (
    "Your own name for this request, such as a random UUID. Sent again with the same key within a day, by the"
    " same person, it is answered as before and not done twice. Without the header nothing of this happens."
)


def describe_key(operation: Operation) -> None:
    """Add the header and what may be answered because of it, in place."""
    header = Parameter(
        name=HEADER,
        param_in="header",
        required=False,
        description=DESCRIPTION,
        examples={"a key": Example(value=A_KEY)},
        schema=Schema(
            type=OpenAPIType.STRING,
            min_length=1,
            max_length=LONGEST_KEY,
            pattern="^[!-~]+$",
            examples=[A_KEY],
        ),
    )
    operation.parameters = [*(operation.parameters or []), header]
    for code in CODES_OF_KEYS:
        _add(operation, code)


def _add(operation: Operation, code: str) -> None:
    status = CODES[code][0]
    answers = operation.responses = operation.responses or {}
    if str(status) not in answers:
        answers[str(status)] = OpenAPIResponse(
            description=WHY[status],
            content={PROBLEM_TYPE: OpenAPIMediaType(schema=Reference(PROBLEM), examples={})},
        )
    answer = answers[str(status)]
    if isinstance(answer, OpenAPIResponse) and answer.content:
        media = answer.content[PROBLEM_TYPE]
        examples: dict[str, Example | Reference] = dict(media.examples or {})
        media.examples = examples | {code: example_of_code(code)}
