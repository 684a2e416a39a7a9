"""How to add an extra to this installation: from the checkout or the wheel that it came from.

The package is on no index, so its name alone installs nothing, or something else.
"""

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

HEBREW = "hebrew"
"""The extra that `make` has a target for, which installs what is locked."""


def origin_of_this() -> str:
    """Return the path of the checkout or wheel that this was installed from (PEP 610); "" if not known."""
    try:
        written = distribution("therapy").read_text("direct_url.json")
    except PackageNotFoundError:
        return ""
    url = urlsplit(json.loads(written)["url"] if written else "")
    path = unquote(url.path)
    return path if url.scheme == "file" and Path(path).exists() else ""


def how_to_install(
    extra: str, origin: Callable[[], str] = origin_of_this, *, has_pip: bool | None = None
) -> str:
    """Return the command that adds an extra, named `local` or `therapy[local]`, to this Python."""
    name = extra.partition("[")[2].rstrip("]") or extra
    found = origin()
    pip = find_spec("pip") is not None if has_pip is None else has_pip
    installer = _installer(found, has_pip=pip)
    if not found:
        return f"{installer} '.[{name}]' in the checkout, or {installer} '<the wheel>[{name}]'"
    if name == HEBREW and (Path(found) / "Makefile").is_file():
        return f"make -C {shlex.quote(found)} {HEBREW}"
    editable = "-e " if Path(found).is_dir() else ""
    return f"{installer} {editable}{shlex.quote(f'{found}[{name}]')}"


def _installer(checkout: str, *, has_pip: bool) -> str:
    """Return what installs packages for this Python: its pip, or uv where it came without, as from `make`."""
    if has_pip:
        return f"{shlex.quote(sys.executable)} -m pip install"
    own = Path(checkout) / ".tools/bin/uv"
    uv = str(own) if not shutil.which("uv") and checkout and own.exists() else "uv"
    return f"{shlex.quote(uv)} pip install --python {shlex.quote(sys.executable)}"
