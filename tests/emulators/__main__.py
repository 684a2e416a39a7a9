"""Run every emulator until Ctrl-C, and print the settings that point the program at them.

    python -m tests.emulators                  # prints export lines, then runs
    python -m tests.emulators --write FILE     # the same lines into a file, once all are up
    python -m tests.emulators cosmos azurite   # only these

In another shell: `source FILE`, `therapy migrate`, then `therapy all` or anything else. Data are gone
when they end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.emulators.azurite import Azurite
from tests.emulators.cosmos import Cosmos
from tests.emulators.fast import FakeFast
from tests.emulators.fcm import FakeFcm
from tests.emulators.language import FakeLanguage
from tests.emulators.running import Missing, Running
from tests.emulators.smtp import FakeSmtp
from tests.emulators.speech import FakeSpeech
from tests.emulators.valkey import Valkey

ALL: dict[str, Callable[[], Running]] = {
    "azurite": Azurite,
    "cosmos": Cosmos,
    "valkey": Valkey,
    "speech": FakeSpeech,
    "fast": FakeFast,
    "language": FakeLanguage,
    "fcm": FakeFcm,
    "smtp": FakeSmtp,
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.emulators", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the settings here too")
    parser.add_argument("--json", action="store_true", help="print the settings as JSON")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.names) - set(ALL)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with contextlib.ExitStack() as stack:
        settings: dict[str, str] = {}
        for name in chosen.names or ALL:
            try:
                emulator = stack.enter_context(ALL[name]())
            except Missing as missing:
                print(f"{name}: not started, {missing}", file=sys.stderr)
                continue
            settings |= emulator.settings()
        lines = "".join(f"export {key}={shlex.quote(said)}\n" for key, said in settings.items())
        if chosen.write:
            chosen.write.touch(mode=0o600)
            chosen.write.write_text(lines, encoding="utf-8")
        print(f"{json.dumps(settings)}\n" if chosen.json else lines, end="", flush=True)
        print("running until Ctrl-C", file=sys.stderr, flush=True)
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
