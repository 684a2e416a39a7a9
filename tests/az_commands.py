"""The guide's shell, run without Azure: a stand-in for `az` and the others that notes how it was called."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

BASH = re.compile(r"^( *)```bash\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)

STANDINS = ("az", "curl", "docker", "ffmpeg", "gcloud", "nslookup", "openssl", "python3", "therapy")

ANSWERS = r"""#!/bin/bash
{ printf '%s\037' "${0##*/}" "$@"; printf '\036\n'; } >> "$CALLS"
case "${0##*/}" in openssl | python3) echo 5e5a ;; esac
[ "${0##*/}" = az ] || exit 0
case "$*" in
  *"resource show"*) echo "/subscriptions/s/resourceGroups/therapy/providers/$8/$6" ;;
  *"--query documentEndpoint"*) echo https://clinic7cosmos.documents.azure.com:443/ ;;
  *"--query hostName"*) echo clinic7redis.westeurope.redis.azure.net ;;
  *"--query fromSenderDomain"*) echo mail.clinic.example ;;
  *--query*) echo 00000000-0000-0000-0000-000000000001 ;;
esac
"""
"""What each stand-in does: it notes its name and arguments; `az` also answers what is asked of it."""

FILES = ("the-downloaded-key.json", "one-line.json", "api.pfx", "api.pfx.password", "sign-in.json")
"""What a reader has beside them when they come to a block."""


def blocks(page: Path) -> list[str]:
    """Return the page's blocks of bash, in order, without the indentation of a list."""
    found = BASH.findall(page.read_text(encoding="utf-8"))
    return [re.sub(f"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def run(code: Iterable[str], directory: Path) -> list[list[str]]:
    """Run these blocks one after another in one shell; return the calls of `az` and the others.

    Raises:
        AssertionError: a command failed, or a block uses a name that none before it defines.
    """
    for name in STANDINS:
        standin = directory / "bin" / name
        standin.parent.mkdir(exist_ok=True)
        standin.write_text(ANSWERS)
        standin.chmod(0o755)
    for name in FILES:
        (directory / name).touch()
    calls = directory / "calls"
    calls.touch()
    environment = os.environ | {"PATH": f"{directory / 'bin'}:{os.defpath}", "CALLS": str(calls)}
    script = "set -eu -o pipefail\n" + "\n".join(code) + "\nwait\n"
    ran = subprocess.run(
        ["bash"],
        input=script,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return [call.split("\x1f")[:-1] for call in calls.read_text().split("\x1e\n") if call]


def settings_in(calls: Iterable[list[str]]) -> dict[str, str]:
    """Return the application settings that these calls give the web app."""
    given: dict[str, str] = {}
    for call in calls:
        if call[:5] == ["az", "webapp", "config", "appsettings", "set"]:
            pairs = call[call.index("--settings") + 1 :]
            given |= {name: text for name, _, text in (pair.partition("=") for pair in pairs)}
    return given


def spans(text: str) -> Iterator[list[str]]:
    """Yield the words of each `az …` that stands in a sentence or a table."""
    for said in re.findall(r"`(az [^`]+)`", BASH.sub("", text)):
        yield re.sub(r"[\"'\n]", " ", said).split()
