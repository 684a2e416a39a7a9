"""What Schemathesis does not know of itself: how a piece of an upload is sent, who calls, what costs much.

It writes the length of a text into the text's pattern. `{0,20000}` of a pattern takes 0.2 s to compile,
again for each validator of each schema that has it; of 200,000, 1.7 s only to find that it cannot be
compiled. Of a pattern with alternatives it leaves the length where it is.

A list that is too long it fills with whatever is wrong with an item: of notes, 10 to 27 MB. It repeats one
item that is right if the list is no longer than what it takes for long.

A header or a parameter that may be null is one that may be left out: there is no null in either.
"""

import os
from collections import Counter
from typing import Any

import requests
import schemathesis
from schemathesis.specs.openapi.coverage import _schema

NO_NUL = r"^[^\x00]*$"
THE_SAME_WITH_ALTERNATIVES = r"^(|[^\x00]+)$"
LONG = 1_000
NULL = {"type": "null"}
ANOTHER = "FUZZ_AS_ANOTHER"
"""The variable with the header `Authorization` of the person who calls every second time while it fuzzes."""

REACHED: Counter[tuple[str, str, str]] = Counter()
"""How often each operation was called in each phase, and by whom."""

assert _schema.NEGATIVE_MODE_MAX_ITEMS < LONG  # it is private, so it may be gone
_schema.NEGATIVE_MODE_MAX_ITEMS = 1_000_000

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Write the pattern of every long text with alternatives, and parameters without null."""
    found: list[Any] = [raw_schema]
    for node in found:
        if isinstance(node, list):
            found += node
        elif isinstance(node, dict):
            found += node.values()
            if node.get("pattern") == NO_NUL and node.get("maxLength", 0) >= LONG:
                node["pattern"] = THE_SAME_WITH_ALTERNATIVES
            if "in" in node and NULL in node.get("schema", {}).get("oneOf", ()):
                (rest,) = (each for each in node["schema"].pop("oneOf") if each != NULL)
                node["schema"] |= rest


class AsAnother(requests.auth.AuthBase):
    """Puts another person's token in the place of a token that is sent."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if "Authorization" in request.headers:
            request.headers["Authorization"] = os.environ[ANOTHER]
        return request


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]
) -> None:
    """Count the call; of those that are drawn at random let the first, the third, … be another person's."""
    assert case.meta is not None
    phase, operation = case.meta.phase.name.value, case.operation.label
    calls = sum(REACHED[phase, operation, who] for who in ("first", "another"))
    who = "another" if phase == "fuzzing" and calls % 2 == 0 else "first"
    REACHED[phase, operation, who] += 1
    if who == "another":
        kwargs["auth"] = AsAnother()
