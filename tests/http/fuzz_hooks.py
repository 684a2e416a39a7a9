"""What Schemathesis does not know of itself: a piece of an upload is sent as its bytes.

And what takes a third of its time: it writes the length of a text into the text's pattern. `{0,20000}` of a
pattern takes 0.2 s to compile, again for each validator of each schema that has it; of 200,000, 1.7 s only
to find that it cannot be compiled. Of a pattern with alternatives it leaves the length where it is.
"""

from typing import Any

import schemathesis

NO_NUL = r"^[^\x00]*$"
THE_SAME_WITH_ALTERNATIVES = r"^(|[^\x00]+)$"
LONG = 1_000

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Write the pattern of every long text with alternatives; what it means and its length stay."""
    found: list[Any] = [raw_schema]
    for node in found:
        if isinstance(node, list):
            found += node
        elif isinstance(node, dict):
            found += node.values()
            if node.get("pattern") == NO_NUL and node.get("maxLength", 0) >= LONG:
                node["pattern"] = THE_SAME_WITH_ALTERNATIVES
