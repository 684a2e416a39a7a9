"""Providing what handlers ask for by plain calls: Litestar itself starts a task for each of two or more.

A task group costs 70 microseconds, as much as all the rest of a small request's handling. Our providers are
plain functions of the request that wait for nothing, so they are called one after another when Litestar
gathers a handler's parameters. A handler with any other dependency is left to Litestar.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Litestar, Request
from litestar.routes import HTTPRoute

Provider = Callable[[Request[Any, Any, Any]], Any]
Extractor = Callable[[dict[str, Any], Request[Any, Any, Any]], Awaitable[None]]


def call_directly(app: Litestar, providers: Mapping[str, Provider]) -> None:
    """Let every handler of the application get these dependencies by plain calls."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, parameters in route.route_handler_map.values():
                names = [each.key for batch in parameters.dependency_batches for each in batch]
                if names and providers.keys() >= set(names):
                    chosen = [(name, providers[name]) for name in names]
                    parameters.extractors.append(_extractor(chosen))  # type: ignore[arg-type] # of HTTP requests
                    parameters.dependency_batches = []


def _extractor(chosen: list[tuple[str, Provider]]) -> Extractor:
    async def extract(values: dict[str, Any], request: Request[Any, Any, Any]) -> None:
        for name, provide in chosen:
            values[name] = provide(request)

    return extract
