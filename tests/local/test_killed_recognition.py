"""A worker that is killed while it recognises: its successor does not hear again what was kept."""

import asyncio
import time
from pathlib import Path

import pytest

from tests import forked, media
from tests.local import killed_worker
from therapy.entrypoints.cli.accuracy import word_error_rate

pytestmark = pytest.mark.slow

TURNS = media.demo_spans()[:2]
PAUSE = bytes(7 * 32_000)
"""So much silence that each turn is a segment of its own."""


def test_the_successor_of_a_killed_worker_recognises_only_what_no_checkpoint_has(tmp_path: Path):
    turns = [media.excerpt(start, end) for _, start, end in TURNS]
    asyncio.run(killed_worker.begin(tmp_path, PAUSE.join(turns)))
    assert forked.run(killed_worker.work, tmp_path, True) == -9
    time.sleep(killed_worker.LEASE.total_seconds())
    assert forked.run(killed_worker.work, tmp_path, False) == 0
    run, version, kept = asyncio.run(killed_worker.outcome(tmp_path))
    lost, resumed = [each for each in run.stages if each.name == "recognising"]
    assert (lost.claim, lost.ended_at, resumed.claim) == (1, None, 2)
    first, second = (len(each) // 32 for each in turns)
    print(f"{first + second} ms are spoken, {resumed.resumed_ms} ms of it were not heard again")
    assert first <= resumed.resumed_ms < first + second  # one segment, with what is around it
    said = " ".join(each.text for each in version.utterances)
    wanted = " ".join(text for _, text in media.demo_turns()[: len(TURNS)])
    assert word_error_rate(wanted, said) <= 0.05
    assert kept == ["audio"]
