"""Fast Transcription silent for 20 s behind its fake: whether the connection is probed and answers meanwhile.

Prints what Linux says of the client's socket (TCP_INFO) before and after the silence, with probes after 1 s
instead of 60, and then how a run ends behind a line that forgets silent connections all the same. Exits
with 1 if fewer probes than one in two seconds were answered, or a recording was sent more than twice.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.azure.speech_fakes import an_access, heard, seconds  # noqa: E402 - the path comes first
from tests.azure.tcp_info import answered_probes, watched  # noqa: E402 - the path comes first
from tests.emulators.fast import FakeFast  # noqa: E402 - the path comes first
from tests.emulators.idle_line import IdleLine  # noqa: E402 - the path comes first
from tests.workflows.memory_installation import an_installation, begun  # noqa: E402 - the path comes first
from therapy.adapters.azure.speech.connection import Patience  # noqa: E402 - the path comes first
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine  # noqa: E402 - the path comes first
from therapy.domain.run import MAX_ATTEMPTS  # noqa: E402 - the path comes first


async def probes_during(silence: float, directory: Path) -> int:
    """Return how many probes were answered while the fake worked for so many seconds."""
    with FakeFast() as fake:
        fake.works_for = silence
        access = an_access(fast=fake)
        if hasattr(access, "keep_alive"):  # older programs have none
            access = replace(access, keep_alive=1.0)
        speech = AzureSpeech(access, engine=Engine.FAST, directory=directory)
        listening = asyncio.create_task(heard(speech, seconds(6)))
        seen = await watched(fake.port, listening)
        print(f"{silence:.0f} s of silence: the first {seen[0]}")
        print(f"{silence:.0f} s of silence: the last {seen[-1]}")
        await listening
        return answered_probes(seen)


async def sent_behind_a_line_that_forgets(directory: Path) -> int:
    """Return how often a recording was sent until its run had ended."""
    with FakeFast() as fake, IdleLine(fake.port, idle=0.3) as line:
        fake.works_for = 60.0
        access = replace(an_access(), fast_endpoint=line.url)
        patience = Patience(least=1.0, share=0.0, pauses=(0.0, 0.0, 0.0))
        speech = AzureSpeech(access, engine=Engine.FAST, directory=directory, patience=patience)
        installed = await an_installation(speech=speech)
        await begun(installed)
        for _ in range(2 * MAX_ATTEMPTS):
            await installed.work()
            installed.clock.advance(hours=1)
        run = await installed.run()
        print(f"the run: {run.state.value}, {run.error_code}, after {run.attempt} failures")
        return len(fake.calls)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the fake is silent")
    silence: float = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        probes = asyncio.run(probes_during(silence, Path(name)))
        sent = asyncio.run(sent_behind_a_line_that_forgets(Path(name)))
    print(f"probes answered: {probes}; recordings sent behind the line: {sent}")
    return 0 if probes >= silence / 2 and sent <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
