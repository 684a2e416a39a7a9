"""For tests of whoever builds on this library: an outside in memory, and the promises of the ports.

`memory_ports()` needs nothing but the library. The promises are pytest suites, one module for each port with
the port's name (extra `testing`): `from therapy.testing.speech import *` in a test module runs them on what
the fixture `speech` gives. `pytest_plugin` has a fixture for each port. A promise that needs what only the
adapter's author can bring about is skipped, with the name of the fixture to define. They import no adapter,
but for the decoder with which the fixture `spoken` reads a recording.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from therapy.testing.clock import Clock
    from therapy.testing.memory import memory_ports

__all__ = ["Clock", "memory_ports"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: pytest loads this package in every environment that has it."""
    if name == "Clock":
        from therapy.testing.clock import Clock

        return Clock
    if name == "memory_ports":
        from therapy.testing.memory import memory_ports

        return memory_ports
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
