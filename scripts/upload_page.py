"""The table of an upload's fields in docs/how-to/upload-a-session.md, made from the OpenAPI document.

scripts/docs.py puts it between the two marks of the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from therapy.config import read_settings
from therapy.entrypoints.http.app import make_app
from therapy.entrypoints.http.openapi_document import document_of

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/how-to/upload-a-session.md"
BEGIN, END = "<!-- the fields: made by scripts/docs.py -->\n", "<!-- end of the fields -->\n"
PARTS = (
    ("", "UploadForm"),
    ("", "MetadataIn"),
    ("patient.", "PersonIn"),
    ("therapist.", "TherapistIn"),
    ("timed_notes[].", "NoteIn"),
)
"""What the fields of each schema are called in the page, in order."""


def page() -> str:
    """Return the page with the table as it is now."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{fields()}\n\n{END}{after}"


def fields() -> str:
    """Return a row for each field: what to send, whether it is needed, an example, its errors' codes."""
    document = document_of(make_app(read_settings({}), with_worker=False)).to_schema()
    schemas = json.loads(json.dumps(document))["components"]["schemas"]
    rows = [["field", "what to send", "example", "errors"], ["---"] * 4]
    for prefix, name in PARTS:
        rows += _rows(prefix, schemas[name])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rows(prefix: str, schema: dict[str, Any]) -> Iterator[list[str]]:
    for name, each in schema["properties"].items():
        about, _, errors = each["description"].partition(" Errors: ")
        needed = "**needed**, " if name in schema.get("required", ()) else ""
        yield [
            f"`{prefix}{name}`",
            f"{needed}{_kind(each)}. {about}",
            _example(each),
            errors.rstrip("."),
        ]


def _example(schema: dict[str, Any]) -> str:
    (example,) = schema.get("examples", [None])[:1]
    if example is None or schema.get("format") == "binary":
        return ""
    return f"`{json.dumps(example, ensure_ascii=False)}`"


def _kind(schema: dict[str, Any]) -> str:
    """Return what a value is: text, number, list, object or file, and its bounds."""
    if "anyOf" in schema:
        kinds = [_kind(each) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    match schema.get("type"):
        case "string" if schema.get("format") == "binary":
            return "file"
        case "string":
            return "text" + (f" (up to {most:,})" if (most := schema.get("maxLength")) else "")
        case "integer":
            return f"number ({schema['minimum']} to {schema['maximum']})"
        case "array":
            most = f" of up to {schema['maxItems']:,}" if "maxItems" in schema else ""
            return f"list{most}: {_kind(schema['items'])}"
    return "object"
