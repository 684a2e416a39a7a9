"""The lines of an edited transcript in a request: their shape, and how they are read.

They are decoded line by line: all at once would block all threads, the event loop's too.
"""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from therapy.domain.edited_lines import MOST_LINES, EditedLine
from therapy.domain.errors import InvalidInput
from therapy.domain.transcript import Speaker
from therapy.entrypoints.http.json_bodies import decode_items, fault_of
from therapy.entrypoints.http.json_texts import NO_JSON, decode_json
from therapy.entrypoints.http.schema_types import NO_NUL, about

LATEST_MS = 1_000 * 3_600_000
"""No line begins or ends later than 1,000 hours."""


class LineSent(Struct, forbid_unknown_fields=True):
    """A line of an edited transcript, as `GET /sessions/{id}/transcript` shows it; three fields are enough.

    Of a line that is there unchanged everything else stays as it is stored; what is sent of it is not read.
    """

    start_ms: Annotated[
        int,
        about("When it begins, in milliseconds; later than the line before it.", 3_000),
        Meta(ge=0, le=LATEST_MS),
    ]
    speaker: Annotated[Speaker, about("Whose it is.", "Patient")]
    text: Annotated[
        str,
        about("What was said; not empty.", "I slept better, and I feel glad."),
        Meta(max_length=200_000, pattern=NO_NUL),
    ]
    end_ms: Annotated[
        Annotated[int, Meta(ge=0, le=LATEST_MS)] | None,
        about("When it ends; left out, as before, or where the next line begins.", 6_400),
    ] = None
    voice: Annotated[str, about("Not read.", "1")] = ""
    confidence: Annotated[float, about("Not read.", 0.94)] = 1.0
    words: Annotated[
        list[tuple[str, int, int, float]], about("Not read.", [["I", 3_000, 3_180, 0.98]])
    ] = []
    word_confidence: Annotated[float, about("Not read.", 0.975)] = 1.0
    flags: Annotated[list[str], about("Not read.", [])] = []
    edited: Annotated[bool, about("Not read.", False)] = False
    heard: Annotated[str, about("Not read.", "")] = ""


Lines = Annotated[
    list[LineSent], about("All lines, in order of their start."), Meta(max_length=MOST_LINES)
]


class Outline(Struct, forbid_unknown_fields=True):
    """A request with lines that are not decoded yet."""

    lines: list[Raw]


O = TypeVar("O", bound=Outline)  # noqa: E741 - of an outline

_LINE = msgspec.json.Decoder(LineSent)


def read_lines(raw: bytes, outline: type[O], shape: type[Struct]) -> tuple[O, list[EditedLine]]:
    """Return the rest of a request, and its lines; `shape` is that of the whole.

    Raises:
        InvalidInput: not JSON, not of that shape, or too many lines; names the field.
    """
    try:
        return decode_json(raw, lambda text: _read(text, outline))
    except NO_JSON:
        raise fault_of(raw, shape) from None


def _read(text: bytes, outline: type[O]) -> tuple[O, list[EditedLine]]:
    found = msgspec.json.decode(text, type=outline)
    if len(found.lines) > MOST_LINES:
        raise InvalidInput("lines", "too_many_lines")
    lines = [
        EditedLine(each.start_ms, each.speaker, each.text, each.end_ms)
        for each in decode_items(found.lines, _LINE.decode, LineSent, "lines")
    ]
    return found, lines
