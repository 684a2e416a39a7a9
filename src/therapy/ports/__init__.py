"""The ports: what the program needs from the outside, one file each.

The docstrings are the contract, and the contract suite tests every adapter against it. Only domain
structs, plain Python values, aware datetimes and async iterators cross a port. Calls about a practice
name it first. Any call may raise `Unavailable` if its store or engine can't be reached.
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
