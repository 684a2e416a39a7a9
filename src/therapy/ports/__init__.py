"""What the program asks of the outside: one file and one conversation each.

The docstrings are the contract; `tests/contract` holds every adapter to it. Every call names the
practice first, takes and gives only domain structs, str, bytes, aware datetimes and async
iterators, and may raise `Unavailable` when its store or engine can't be reached.
"""

from typing import Protocol, runtime_checkable


@runtime_checkable
class SupportsCheck(Protocol):
    """What any adapter may do beside its port: say whether what it stands on would answer.

    `therapy check` and /health/ready ask it. An adapter without is asked something harmless through its port.
    """

    async def check(self) -> object:
        """Ask, change nothing.

        Raises:
            Unavailable: it can't be reached.
        """
