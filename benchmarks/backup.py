"""Backs up a server that receives recordings and reviews, kills backups and restores, and says what is lost.

A real `therapy serve` gets `--recordings` of `--megabytes` each; then one phone goes on uploading and a
therapist submits transcripts, while `therapy backup` runs: alone, then encrypted. Each backup is restored
elsewhere, where `therapy doctor` must find nothing, and every session that was acknowledged before must be
there. Then `--kills` backups and as many restores are killed (SIGKILL) at random moments; after each, no
backup is there and the next attempt must succeed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.cli.practice_at_work import Practice  # noqa: E402 - the path comes first
from therapy.entrypoints.cli.own_server import (  # noqa: E402 - the path comes first
    command,
    environment,
    running_server,
)
from therapy.testing.samples import a_wav  # noqa: E402 - the path comes first

PASSWORD = "a password to try with"  # noqa: S105 - of people who are made here
PASSPHRASE = "six words that nobody will guess"  # noqa: S105 - as above


def therapy(folder: Path, *arguments: str, data: str = "data", stdin: str = "") -> tuple[str, int]:
    """Run a command; return what it prints and the most memory that it took, in MB.

    Raises:
        SystemExit: it failed.
    """
    process = subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment(folder / data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None  # noqa: S101 - asked for above
    assert process.stdout is not None  # noqa: S101 - asked for above
    assert process.stderr is not None  # noqa: S101 - asked for above
    process.stdin.write(stdin)
    process.stdin.close()
    out, err = process.stdout.read(), process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"therapy {' '.join(arguments)}: {process.returncode}\n{out}{err}")
    return out, used.ru_maxrss // 1024


def backed_up(folder: Path, practice: Practice, name: str, passphrase: str) -> None:
    """Back up while the practice is at work, restore elsewhere, and print what was found."""
    before, reviewed = set(practice.kept), set(practice.submitted)
    option = ("--passphrase-stdin",) if passphrase else ()
    with practice.at_work():
        began = time.monotonic()
        _, memory = therapy(folder, "backup", f"{name}.backup", *option, stdin=passphrase)
        seconds = time.monotonic() - began
    began = time.monotonic()
    _, memory_back = therapy(folder, "restore", f"{name}.backup", name, *option, stdin=passphrase)
    back = time.monotonic() - began
    therapy(folder, "doctor", data=name)
    listed, _ = therapy(folder, "sessions", "list", "--limit", "10000", data=name)
    lost = [each for each in before if each not in listed]
    shown = {each: therapy(folder, "sessions", "show", each, data=name)[0] for each in reviewed}
    lost += [each for each, said in shown.items() if "closing" not in said]
    size = (folder / f"{name}.backup").stat().st_size / 1e6
    during = len(practice.kept) - len(before)
    print(
        f"| {name} | {size:.0f} MB | {seconds:.1f} s | {memory} MB |"
        f" {back:.1f} s, {memory_back} MB | {during} | {len(before)} | {len(lost)} |"
    )
    if lost:
        raise SystemExit("sessions were lost")


def killed(folder: Path, kills: int) -> None:
    """Kill backups and restores at random moments; each next attempt must succeed."""
    chance, left = random.Random(12), 0  # noqa: S311 - moments
    for number in range(kills):
        for arguments in (("backup", "killed.backup"), ("restore", "plain.backup", "killed")):
            process = subprocess.Popen(
                command(*arguments),
                cwd=folder,
                env=environment(folder / "data"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(0.4 + chance.random() * 2)
            process.kill()
            process.wait()
            done = folder / ("killed.backup" if arguments[0] == "backup" else "killed")
            complete = (done / "therapy.sqlite3").exists() if done.is_dir() else done.exists()
            if complete and done.is_dir():
                therapy(folder, "doctor", data="killed")
            elif complete:
                therapy(folder, "backup", "--verify", "killed.backup")
            left += not complete
            if done.is_dir():
                if not complete:
                    therapy(folder, "restore", "plain.backup", "killed")
                    therapy(folder, "doctor", data="killed")
                shutil.rmtree(done)
            done.unlink(missing_ok=True)
        print(f"kill {number + 1} of {kills}: well", end="\r", flush=True)
    therapy(folder, "backup", "killed.backup")
    if (folder / "data" / "backup-in-progress").exists():
        raise SystemExit("a copy of the database is left")
    print(f"{2 * kills} killed, {left} of them before they were done: nothing half made was left")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=30)
    parser.add_argument("--megabytes", type=int, default=10)
    parser.add_argument("--kills", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_server(
            folder,
            environment(folder / "data") | {"THERAPY_WAITING_SESSIONS": "500"},
            "--no-worker",
        ) as server:
            therapy(folder, "seed", "--password-stdin", stdin=PASSWORD)
            size, chance = options.megabytes * 1_000_000, random.Random(11)  # noqa: S311 - noise
            noise = Practice(server.url, PASSWORD, lambda _: a_wav(chance.randbytes(size)))
            with noise as practice:
                for _ in range(options.recordings):
                    practice.upload()
                print(
                    "| backup | size | time | memory | restore | uploads meanwhile | there before | lost |"
                )
                print("|---|---|---|---|---|---|---|---|")
                backed_up(folder, practice, "plain", "")
                backed_up(folder, practice, "encrypted", PASSPHRASE)
                print(f"{len(practice.submitted)} transcripts submitted meanwhile")
            killed(folder, options.kills)


if __name__ == "__main__":
    main()
