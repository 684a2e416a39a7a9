"""Therapy sessions: a recording goes in, who said what and how it felt comes out, a person reviews it.

`import therapy` loads nothing else. `therapy.domain` is pure (msgspec and the standard library),
`therapy.ports` says what the outside must be able to do, `therapy.workflows` does what people ask for, and
`install` puts an installation together from one adapter of each port. `therapy.testing.memory_ports()` is a
complete outside for tests; everything else needs an extra. docs/reference/library.md says what is stable.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from therapy.domain.errors import TherapyError
    from therapy.workflows.engines import Engines
    from therapy.workflows.installation import Installation, Ports, install

    __version__: str

__all__ = ["Engines", "Installation", "Ports", "TherapyError", "__version__", "install"]

_HOMES = {
    "Engines": "therapy.workflows.engines",
    "Installation": "therapy.workflows.installation",
    "Ports": "therapy.workflows.installation",
    "TherapyError": "therapy.domain.errors",
    "install": "therapy.workflows.installation",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow, and few ask

        return version("therapy")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
