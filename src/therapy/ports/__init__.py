"""The ports: what the program needs from the outside, one file each.

The docstrings are the contract, and the contract suite tests every adapter against it. Only domain
structs, plain Python values, aware datetimes and async iterators cross a port. Calls about a practice
name it first. Any call may raise `Unavailable` if its store or engine can't be reached.
"""

from typing import Protocol, runtime_checkable


@runtime_checkable
class SupportsCheck(Protocol):
    """What any adapter may do beside its port: say whether what it stands on would answer.

    `therapy check` asks it, and /health/ready of what sessions are stored in. An adapter without it is asked
    something harmless through its port, if there is anything.
    """

    async def check(self) -> object:
        """Ask, change nothing.

        Raises:
            Unavailable: it can't be reached.
        """
