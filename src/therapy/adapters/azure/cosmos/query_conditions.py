"""Parts of queries: lists of values, searched parts, and the values of @names."""

from collections.abc import Iterable, Mapping


def parameters_of(values: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the values of a query's @names as the SDK takes them."""
    return [{"name": f"@{name}", "value": value} for name, value in values.items()]


def among(values: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the list of names after IN in a query, and their values."""
    named = {f"value{number}": value for number, value in enumerate(values)}
    return f"({', '.join(f'@{name}' for name in named)})", named


def has_part(parts: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return what narrows a query to items with one of these parts in `fields`, and their values."""
    named = {f"part{number}": part for number, part in enumerate(parts)}
    conditions = " OR ".join(f"CONTAINS(c.fields, @{name})" for name in named)
    return f" AND ({conditions})" if named else "", named
