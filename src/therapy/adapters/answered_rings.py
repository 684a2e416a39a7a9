"""What every doorbell does with the rings it receives: they are answered, whatever goes wrong with one.

An answer that fails ends no listening: the store knows what is due, and the sweep rings again.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NoReturn

from therapy.ports.doorbell import Answer, Ring

log = logging.getLogger(__name__)


async def answer_for_ever(
    receive: Callable[[], Awaitable[Iterable[Ring]]], answer: Answer
) -> NoReturn:
    """Answer what `receive` returns (each session's ring once), then call it again, until cancelled."""
    while True:
        if rings := tuple(dict.fromkeys(await receive())):
            await _answered(rings, answer)


async def _answered(rings: Sequence[Ring], answer: Answer) -> None:
    """Answer rings; of a failure only the class is logged, because its text may quote people."""
    try:
        await answer(rings)
    except Exception as exc:  # noqa: BLE001 - one bad session must not end the listening
        fields = {"rings": len(rings), "error": type(exc).__name__}
        log.error("rings were not answered", extra=fields)  # noqa: TRY400 - as above
