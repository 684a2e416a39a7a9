"""200 short sessions through an installation whose every service fails now and then: what is lost or doubled.

tests/azure/storm.py says what happens to them; the tests run the same over a few sessions. Prints its
table and exits with 1 if anything in it is wrong.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]


def main() -> int:
    from tests.azure.storm import storm
    from tests.emulators.demo import Cloud

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--kill-every", type=float, default=5.0, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a directory for the logs")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cloud = Cloud()
    with tempfile.TemporaryDirectory(prefix="therapy-storm-") as name, cloud.running() as settings:
        folder = said.keep or Path(name)
        folder.mkdir(exist_ok=True)
        outcome = storm(
            cloud,
            settings,
            folder,
            sessions=said.sessions,
            kill_every=said.kill_every,
            seed=said.seed,
        )
    outcome.show(Console(width=110))
    return 0 if outcome.well else 1


if __name__ == "__main__":
    sys.exit(main())
