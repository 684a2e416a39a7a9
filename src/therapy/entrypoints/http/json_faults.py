"""Finds where a JSON text does not fit a struct, by trying part after part: no library's text is parsed."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec


class Fault(NamedTuple):
    """The first place that does not fit, e.g. `notes[0].content` ("" = the whole), and in which way."""

    field: str
    missing: bool
    unknown: bool = False

    @property
    def code(self) -> str:
        """The code of the error that says so; "" for one that is just not valid."""
        return "required" if self.missing else "unknown_field" if self.unknown else ""


class _Part(NamedTuple):
    name: str
    value: Any
    shape: Any


_ABSENT = object()
_LONGEST_NAME = 100


def find_fault(raw: bytes | str, shape: Any) -> Fault | None:
    """Return where a text that does not fit this shape is wrong; None if it is no JSON."""
    try:
        return _fault_in(msgspec.json.decode(raw), shape)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _fault_in(value: Any, shape: Any) -> Fault:
    for part in _parts(value, shape):
        if part.value is _ABSENT:
            return Fault(part.name, missing=True)
        if not _fits(part.value, part.shape):
            inner = _fault_in(part.value, part.shape)
            glue = "" if not inner.field or inner.field.startswith("[") else "."
            return inner._replace(field=f"{part.name}{glue}{inner.field}")
    for name in _unknown_names(value, shape):
        shown = name if name.isidentifier() and len(name) <= _LONGEST_NAME else ""
        return Fault(shown, missing=False, unknown=True)
    return Fault("", missing=False)


def _unknown_names(value: Any, shape: Any) -> Iterator[str]:
    """Yield the names in an object that a struct refuses because it has no such field."""
    for each in _alternatives(shape):
        strict = _is_struct(each) and each.__struct_config__.forbid_unknown_fields
        if strict and isinstance(value, dict):
            known = {field.encode_name for field in msgspec.structs.fields(each)}
            yield from (name for name in value if name not in known)


def _is_struct(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)


def _fits(value: Any, shape: Any) -> bool:
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError:
        return False
    return True


def _parts(value: Any, shape: Any) -> Iterator[_Part]:
    """Yield the fields of an object and the items of an array, as far as the shape has such."""
    for each in _alternatives(shape):
        if isinstance(value, dict) and _is_struct(each):
            for field in msgspec.structs.fields(each):
                if field.required or field.encode_name in value:
                    found = value.get(field.encode_name, _ABSENT)
                    yield _Part(field.encode_name, found, field.type)
        elif isinstance(value, list) and get_origin(each) is list:
            (item,) = get_args(each)
            yield from (_Part(f"[{place}]", found, item) for place, found in enumerate(value))


def _alternatives(shape: Any) -> Iterator[Any]:
    """Yield what a shape may be, without `Annotated` and `|`."""
    if get_origin(shape) is Annotated:
        yield from _alternatives(get_args(shape)[0])
    elif get_origin(shape) in {Union, UnionType}:
        for each in get_args(shape):
            yield from _alternatives(each)
    else:
        yield shape
