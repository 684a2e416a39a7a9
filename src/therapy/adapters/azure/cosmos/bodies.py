"""The stored form of a struct as a text field: cheaper than a JSON object, which would be parsed twice."""

from typing import TypeVar

from msgspec import Struct

from therapy.adapters.azure.cosmos.container import Item
from therapy.domain import codec

S = TypeVar("S", bound=Struct)


def body_of(stored: Struct) -> str:
    """Return the stored form of a struct."""
    return codec.encode(stored).decode()


def read_body(kind: type[S], item: Item) -> S:
    """Return the struct in an item's `body`.

    Raises:
        Unavailable: it is damaged, or only a newer program can read it.
    """
    return codec.decode(kind, item["body"].encode())
