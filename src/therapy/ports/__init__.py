"""The ports: what the program needs from the outside, one file each.

The docstrings are the contract, and the contract suite tests every adapter against it. Only domain
structs, plain Python values, aware datetimes and async iterators cross a port. Calls about a practice
name it first. Any call may raise `Unavailable` if its store or engine can't be reached.
"""

from typing import Protocol, runtime_checkable


@runtime_checkable
class SupportsCheck(Protocol):
    """Optional, for stores, recordings, engines, pushes and mail: say whether what is behind them answers.

    `therapy check` calls it, and so does /health/ready of where records and recordings are stored. An adapter
    without it is asked something harmless through its port, if there is anything.
    """

    async def check(self) -> object:
        """Check the connection, changing nothing.

        Raises:
            Unavailable: it can't be reached.
            EngineFailed: the same, of an engine.
            StorageFull: it can, and what it has can be read, but it has no room for more.
        """


@runtime_checkable
class SupportsExamine(Protocol):
    """Optional, for the same adapters: look closer than `check` does, which is asked often.

    `therapy check` calls it after that, which therefore need not be done here once more. An adapter without
    `check` is asked only this.
    """

    async def examine(self) -> tuple[str, ...]:
        """Return codes of what should be otherwise, though it works: `therapy check` warns of each.

        Raises:
            Unavailable: it is set in a way that does not work, or can't be reached, which must be noticed
                here only without `check`; says why in `reason`.
            EngineFailed: the same, of an engine.
        """
