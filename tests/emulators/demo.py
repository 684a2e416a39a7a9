"""`make demo ADAPTERS=azure`: the demo on the production adapters and their SDKs, against the emulators.

An API process and two workers share Cosmos, Blob storage and Redis, as they would on three machines. What
is heard comes from the script of the recording: recognition is the one thing that is not shown here.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.emulators.azurite import Azurite
from tests.emulators.cosmos import Cosmos
from tests.emulators.fast import FakeFast
from tests.emulators.fcm import FakeFcm
from tests.emulators.language import FakeLanguage
from tests.emulators.running import Missing, Running
from tests.emulators.speech import FakeSpeech
from tests.emulators.talk import Phrase
from tests.emulators.valkey import Valkey
from therapy.config import read_settings
from therapy.entrypoints.cli.demo import show_job
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.own_server import command, running, running_server
from therapy.entrypoints.cli.terminal import answers
from therapy.entrypoints.cli.wav_recordings import REFERENCE, demo_file

WORKERS = 2
WORKS = re.compile("therapy works on")


class Cloud:
    """Everything that stands in for Azure, Firebase and Redis, while it runs."""

    def __init__(self) -> None:
        self.azurite, self.cosmos, self.valkey = Azurite(), Cosmos(), Valkey(secrets.token_hex(8))
        self.speech, self.fast = FakeSpeech(), FakeFast()
        self.language, self.fcm = FakeLanguage(), FakeFcm()

    @contextlib.contextmanager
    def running(self) -> Iterator[dict[str, str]]:
        """Start them all; gives the settings that lead there, whole enough for production."""
        several: tuple[Running, ...] = (
            *(self.azurite, self.cosmos, self.valkey),
            *(self.speech, self.fast, self.language, self.fcm),
        )
        with contextlib.ExitStack() as stack:
            settings: dict[str, str] = {}
            for each in several:
                settings |= stack.enter_context(each).settings()
            yield settings

    def hear(self, phrases: list[Phrase]) -> None:
        """Script both engines."""
        self.speech.phrases = self.fast.phrases = phrases


def environment(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """The environment of a process of such an installation; nothing of this machine's own gets in."""
    return settings | {
        "PATH": os.environ["PATH"],
        "PYTHONUTF8": "1",
        "THERAPY_ENV": "production",
        "THERAPY_HOST": "127.0.0.1",
        "THERAPY_DATA_DIR": str(folder / "data"),
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "PORT": "0",
    }


def turns() -> list[Phrase]:
    """What is said in the demo recording, as the engines tell it."""
    told = json.loads(demo_file(REFERENCE).read_bytes())
    voices = {"Therapist": "Guest-1", "Patient": "Guest-2"}
    return [
        {
            "at": int(each["start"] * 1000),
            "dur": int((each["end"] - each["start"]) * 1000),
            "text": each["text"],
            "speaker": voices[each["speaker"]],
            "lang": "en-US",
        }
        for each in told
    ]


def show(cloud: Cloud, variables: dict[str, str], folder: Path, console: Console) -> None:
    """Start the installation, take a recording through it, and say what came to whom."""
    migrated = subprocess.run(
        command("migrate"),
        cwd=folder,
        env=variables,
        check=False,
        capture_output=True,
        text=True,
    )
    if migrated.returncode:
        raise CommandFailed(f"therapy migrate: {migrated.stderr}")
    console.print(migrated.stdout.rstrip())
    cloud.hear(turns())
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_server(folder, variables, "--no-worker"))
        for number in range(WORKERS):
            name = f"worker-{number + 1}"
            stack.enter_context(running(folder, name, variables, "worker", ready=WORKS))
        console.print(
            f"The API is running at {server.url}, beside it {WORKERS} workers; the SDKs are the real"
            " ones, Azure, Firebase and Redis are stand-ins on this machine.\n"
            "Speech is a fake that was told what is said, and sentiment one that knows a few words: their"
            " figures say nothing of the services."
        )
        show_job(server, read_settings(variables), console)
        for message in cloud.fcm.messages:
            fields = " ".join(f"{name}={said}" for name, said in sorted(message["data"].items()))
            console.rule(f"push to {message['device']}", align="left")
            said = message["notification"]
            console.print(f"[bold]{said['title']}[/]: {said['body']}\n{fields}", soft_wrap=True)
    if not cloud.fcm.messages:
        raise CommandFailed("no push reached the phone")
    counts = cloud.cosmos.seen()["containers"]
    console.print(
        f"\nCosmos answered {sum(each['requests'] for each in counts.values())} requests,"
        f" {sum(each['cross_partition'] for each in counts.values())} of them over all partitions;"
        f" Speech heard {len(cloud.fast.calls) + len(cloud.speech.calls)} recording, FCM took"
        f" {len(cloud.fcm.messages)} push. Everything has stopped; nothing is left behind."
    )


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is stopped then too
    cloud = Cloud()
    with tempfile.TemporaryDirectory(prefix="therapy-demo-") as name, cloud.running() as settings:
        folder = Path(name)
        show(cloud, environment(folder, settings), folder, answers())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CommandFailed, Missing) as failure:
        sys.exit(f"demo: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
