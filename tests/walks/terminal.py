"""Terminals in which the blocks of a page are run, as by somebody who copies one after another."""

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

PATIENCE = 120.0
"""Seconds for a block, and for a server to say where it listens; so much only on a very busy machine."""

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
ONE_AFTER_ANOTHER = """
set -eo pipefail
while IFS= read -r block <&3; do source "$block" < /dev/null > "$block.out" 2> "$block.err"; echo >&4; done
"""


class BlockFailed(AssertionError):
    """Raised if a block ends with an error, or does not end; says which, and what it printed."""


class Terminal:
    """A shell: what a block sets and where it goes stays for the next one."""

    def __init__(self, folder: Path, environment: Mapping[str, str], blocks: Path) -> None:
        self._blocks, self._count = blocks, 0
        ours, done = os.pipe(), os.pipe()
        self._shell = subprocess.Popen(
            [
                "bash",
                "--noprofile",
                "--norc",
                "-c",
                f"exec 3<&{ours[0]} 4>&{done[1]}\n{ONE_AFTER_ANOTHER}",
            ],
            cwd=folder,
            env=dict(environment),
            pass_fds=(ours[0], done[1]),
            stdin=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(done[1])
        self._next, self._done = ours[1], done[0]

    def run(self, block: str) -> str:
        """Run a block; return what it printed to stdout.

        Raises:
            BlockFailed: a command of it failed, or it takes too long.
        """
        self._count += 1
        file = self._blocks / f"block-{self._count:02}.sh"
        file.write_text(block)
        os.write(self._next, f"{file}\n".encode())
        ready, _, _ = select.select([self._done], [], [], PATIENCE)
        ended = ready and os.read(self._done, 1)
        printed, complained = (
            (self._blocks / f"{file.name}.{kind}").read_text(errors="replace")
            for kind in ("out", "err")
        )
        if not ended:
            what = "failed" if ready else "takes too long"
            raise BlockFailed(f"{what}:\n{block}\nprinted:\n{printed}\n{complained}")
        return printed

    def close(self) -> None:
        """Close the terminal, and end what still runs in it."""
        os.close(self._next)
        os.close(self._done)
        self._shell.terminate()
        self._shell.wait()


class ServerTerminal:
    """A terminal in which a block starts a server, which runs until Ctrl-C."""

    def __init__(self, folder: Path, environment: Mapping[str, str], blocks: Path) -> None:
        self._folder, self._environment = folder, dict(environment)
        self._out = blocks / "server.out"
        self._server: subprocess.Popen[bytes] | None = None
        self._block = ""

    def run(self, block: str) -> str:
        """Start what a block starts, unless it runs already; return the address at which it listens.

        Raises:
            BlockFailed: it ended, or does not say where it listens.
        """
        if self._server is not None and block == self._block:
            return self._listens()
        self._block = block
        with self._out.open("wb") as out:
            self._server = subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-c", block],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._listens()

    def _listens(self) -> str:
        assert self._server is not None
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._server.poll() is None:
            if found := ADDRESS.search(self.printed()):
                return found.group()
            time.sleep(0.05)
        raise BlockFailed(f"no server:\n{self._block}\nprinted:\n{self.printed()}")

    def printed(self) -> str:
        """What it has printed so far."""
        return self._out.read_text(errors="replace")

    def interrupt(self) -> None:
        """Press Ctrl-C, and wait until everything in this terminal has ended."""
        if self._server is None:
            return
        os.killpg(self._server.pid, signal.SIGINT)
        self._server.wait(PATIENCE)
