"""`therapy sessions`, `doctor` and `reindex`, on the sessions of `therapy seed`."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.builders import MINUTE, NOW, a_run
from tests.cli.conftest import PASSWORD, Run, with_installation
from therapy.domain.run import RunState
from therapy.domain.run_stages import RunStage
from therapy.domain.session import Session, State
from therapy.repositories.change import Change
from therapy.workflows.installation import Installation
from therapy.workflows.operators_sessions import seen_by_operator

ID = re.compile(r"\b[0-9a-f]{32}\b")


def ids(run: Run, state: str) -> list[str]:
    said = run("sessions", "list", "--state", state)
    assert said.returncode == 0, said.stderr
    return ID.findall(said.stdout)


@pytest.mark.slow
def test_an_operator_sees_retries_and_cancels_sessions_without_a_patients_name(
    run: Run, data_dir: Path
) -> None:
    run("seed", "--password-stdin", stdin=PASSWORD)
    waiting, closed = ids(run, "awaiting_review"), ids(run, "closed")
    assert waiting
    assert closed
    shown = run("sessions", "show", waiting[0]).stdout
    assert "awaiting_review" in shown
    assert "@example.health" in shown  # the therapist's
    listed = run("sessions", "list", "--state", "awaiting_review", "--state", "closed").stdout

    async def failed(here: Installation) -> Session:
        """Let the last session have failed; return it."""
        session = (await seen_by_operator(waiting[-1], records=here.records)).session
        before = Change(here.records.sessions.write(session_to_transcribe(session)))
        before.add(here.records.runs.write(a_failed_run(session)))
        await before.commit(here.records.store)
        return session

    session = with_installation(data_dir, failed)
    assert session.details.patient.name not in shown + listed
    assert run("doctor").returncode == 1  # lists do not show yet that it has failed
    assert run("reindex").returncode == 0
    assert run("doctor").returncode == 0
    assert ids(run, "failed") == [waiting[-1]]
    of_failed = run("sessions", "show", waiting[-1]).stdout
    for said in ("engine_failed", "he-IL", "cut off", "whisper base", "90 s", "60"):
        assert said in of_failed
    assert "awaiting_transcript" in run("sessions", "retry", waiting[-1]).stdout
    assert "erased" in run("sessions", "cancel", waiting[0], "--yes").stdout
    assert waiting[0] not in ids(run, "awaiting_review")


def session_to_transcribe(session: Session) -> Session:
    return replace(session, state=State.AWAITING_TRANSCRIPT)


def a_failed_run(session: Session):
    return a_run(
        practice_id=session.practice_id,
        session_id=session.id,
        state=RunState.FAILED,
        error_code="engine_failed",
        stages=(
            RunStage("recognising", 1, NOW, languages=("he-IL",)),
            RunStage("recognising", 2, NOW, NOW + MINUTE, "whisper base", resumed_ms=90_000),
            RunStage("scoring", 2, NOW, NOW, error="engine_failed"),
        ),
    )


def test_what_is_submitted_or_unknown_is_refused(run: Run) -> None:
    run("seed", "--password-stdin", stdin=PASSWORD)
    (closed, *_) = ids(run, "closed")
    for refused in (("cancel", closed, "--yes"), ("retry", "0" * 32), ("cancel", closed)):
        said = run("sessions", *refused)
        assert said.returncode == 1
    assert closed in ids(run, "closed")


def test_without_data_nothing_is_created(run: Run, data_dir: Path) -> None:
    for command in (("doctor",), ("reindex",), ("sessions", "list")):
        said = run(*command)
        assert said.returncode == 1
        assert "no data yet" in said.stderr
    assert not (data_dir / "therapy.sqlite3").exists()


def test_audio_is_deleted_only_where_fixing_is_meant(run: Run) -> None:
    assert run("doctor", "--delete-audio").returncode == 2
