"""Query parameters that nobody reads are refused: after a typing error the wrong things would be listed.

Only where the app in the field does not call: what it sends is ignored where it is not known.
"""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from therapy.domain.errors import InvalidInput

LONGEST_SHOWN = 50


def only(*names: str) -> Guard:
    """Return a guard that lets requests with these query parameters through, and no others.

    The guard raises:
        InvalidInput: with code `unknown_parameter`, there is another; names the first.
    """

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        for name in connection.query_params:
            if name not in names:
                raise InvalidInput(name[:LONGEST_SHOWN], "unknown_parameter")

    return guard
