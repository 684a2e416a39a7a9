"""If-Match (RFC 9110, 13.1.1): an edit of a transcript, draft or vocabulary says of which version it is."""

import re
from typing import Annotated

from litestar.openapi.spec import Example
from litestar.params import HeaderParameter

from therapy.entrypoints.http.errors import PreconditionRequired
from therapy.workflows.edits import Expected

_TAG = re.compile(r'"(\d{1,6})"', re.ASCII)

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        max_length=1_000,
        description="The ETag of the version that was edited: if another is in force, nothing is changed.",
        examples=[Example(value='"1"')],
    ),
]


def expected_versions(header: str | None) -> Expected:
    """Return the numbers of the versions that a header names; None, i.e. any, without one, and for `*`.

    What is no ETag of a version, a weak one included, names none.
    """
    if header is None or header.strip() == "*":
        return None
    found = (_TAG.fullmatch(each.strip()) for each in header.split(","))
    return frozenset(int(each[1]) for each in found if each)


def required_versions(header: str | None) -> Expected:
    """Return what `expected_versions` does.

    Raises:
        PreconditionRequired: there is no header.
    """
    if header is None:
        raise PreconditionRequired
    return expected_versions(header)
