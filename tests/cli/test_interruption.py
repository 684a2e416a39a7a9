"""Ctrl-C and SIGTERM: what a command says, what it leaves, and its exit code."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run, bare_environment
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import (
    SAME_SECONDS,
    StopSignals,
    doing,
    sigterm_as_ctrl_c,
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_says_what_was_being_done_and_what_is_left_of_it(number: int) -> None:
    def count() -> None:
        with sigterm_as_ctrl_c(), doing("counting", "nothing was changed"):
            os.kill(os.getpid(), number)
            signal.pause()

    with pytest.raises(
        CommandFailed, match="stopped while counting; nothing was changed"
    ) as failed:
        count()
    assert failed.value.code == 130


def test_only_a_second_ctrl_c_ends_at_once_a_second_sigterm_does_not() -> None:
    ended: list[int] = []
    signals = StopSignals(say=False, at_once=lambda: ended.append(1))
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):  # so near each other they are one
        signals.take(number)
    time.sleep(SAME_SECONDS + 0.05)
    signals.take(signal.SIGTERM)
    assert not ended
    signals.take(signal.SIGINT)
    assert ended == [1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_ends_with_one_line_and_130(number: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = f"http://127.0.0.1:{silent.getsockname()[1]}"
        arguments = ("flow", "--base-url", there, "--email", "a@b.example", "--password-stdin")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "therapy.entrypoints.cli", *arguments],
            cwd=tmp_path,
            env=bare_environment(tmp_path / "data"),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write("secret\n")
        process.stdin.close()
        process.stdin = None
        connection, _ = silent.accept()
        with connection:
            process.send_signal(number)
            _, err = process.communicate()
    assert (process.returncode, err.splitlines()) == (130, ["therapy: stopped"])


def test_a_question_that_nobody_answers_is_a_failure_and_changes_nothing(run: Run) -> None:
    said = run("user", "remove", "dana@example.health", stdin="")
    assert said.returncode == 1
    assert said.errors[-1] == "therapy: stopped, as a question was not answered"
