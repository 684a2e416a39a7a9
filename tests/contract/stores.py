"""The stores of a family, as the program itself puts them together."""

from typing import Any

from therapy.wiring.stores import Stores


def adapters_in(stores: Stores) -> dict[str, Any]:
    """Each store by the name of its port."""
    return {name: store for name, store in vars(stores).items() if name != "check"}
