"""The storm in its short form; benchmarks/azure_storm.py is the long one."""

from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("azure.cosmos", reason="the extra [azure] is not installed")

from tests.azure.storm import storm
from tests.emulators.demo import Cloud
from tests.emulators.fixtures import require_node


@pytest.mark.slow
def test_what_fails_now_and_then_everywhere_loses_and_doubles_no_session(tmp_path: Path) -> None:
    require_node()
    cloud = Cloud()
    with cloud.running() as settings:
        outcome = storm(
            cloud, settings, tmp_path, sessions=8, therapists=2, patience=240, kill_every=8
        )
    outcome.show(Console(width=110))
    assert outcome.well, outcome.wrong
    assert outcome.killed
    assert outcome.redis_lost == 2
    struck = {name: counts.total() for name, counts in outcome.faults.items()}
    recognisers = struck.pop("Speech") + struck.pop("Fast Transcription")  # few requests for either
    assert recognisers, outcome.faults
    assert all(struck.values()), outcome.faults
