"""The steps of a batch: what is written together in one partition, and how the SDK wants it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Fields = Mapping[str, Any]
Kind = Literal["create", "replace", "upsert", "delete", "check"]

MOST_STEPS = 100
"""The most steps in one batch."""


class Step(NamedTuple):
    """One write in a batch; `etag` is that of the item as it was read, "" for any or none.

    A "check" only writes the batch's mark to the item's `checked`, and so changes its ETag, if the item meets
    `condition` (over `c`). It names no ETag: many checks of one item at once do not refuse each other.
    """

    kind: Kind
    item_id: str
    fields: Fields = MappingProxyType({})
    etag: str = ""
    condition: str = ""


def marked(pk: str, item_id: str, fields: Fields, mark: str) -> dict[str, Any]:
    """Return the item as it is stored by the write of this mark."""
    return {"id": item_id, "pk": pk, "mark": mark, **fields}


def operation(pk: str, step: Step, mark: str) -> tuple[Any, ...]:
    """Return what the SDK calls an operation of a batch."""
    conditions = {"if_match_etag": step.etag} if step.etag else {}
    if step.kind == "delete":
        return "delete", (step.item_id,), conditions
    if step.kind == "check":
        set_mark = {"op": "set", "path": "/checked", "value": mark}
        predicate = {"filter_predicate": f"FROM c WHERE {step.condition}"}
        return "patch", (step.item_id, [set_mark]), predicate
    item = marked(pk, step.item_id, step.fields, mark)
    return step.kind, (step.item_id, item) if step.kind == "replace" else (item,), conditions
