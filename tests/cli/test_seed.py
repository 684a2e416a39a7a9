"""`therapy seed`: the demo practice, once, and never among real people."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Run, signs_in
from therapy.entrypoints.cli.demo_practice import read_seed
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.workflows.seeding import SeedState

OLIVIA = "olivia.hayes1@example.health"
ACCOUNTS = [
    OLIVIA,
    "alex.lebed2@example.health",
    "jordan.white1@example.health",
    "jamie.davis2@example.health",
]


@pytest.mark.slow
def test_seeding_twice_is_seeding_once_and_the_password_stays(run: Run, data_dir: Path) -> None:
    first, second = run("seed"), run("seed")
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    (password,) = re.findall(r"password: (\S+) \(shown once", first.stdout)
    assert "password:" not in second.stdout
    assert "0 accounts and 0 sessions added" in second.stdout
    assert "4 accounts were there before: they keep their password" in second.stdout
    assert "there before" not in first.stdout
    for email in ACCOUNTS:
        assert email in first.stdout
        assert signs_in(data_dir, email, password)


@pytest.mark.slow
def test_a_password_that_is_given_is_everybodys_from_then_on(run: Run, data_dir: Path) -> None:
    run("seed")
    said = run("seed", "--password", PASSWORD)
    assert said.returncode == 0
    assert "4 accounts were there before: they have the password that was given now" in said.stdout
    for email in ACCOUNTS:
        assert signs_in(data_dir, email, PASSWORD)


@pytest.mark.slow
def test_it_refuses_where_there_are_real_people_and_says_what_to_do(
    run: Run, data_dir: Path
) -> None:
    run("user", "add", "--role", "therapist", "--email", "dana@example.health", "--name", "Dana")
    refused = run("seed")
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert f"there is 1 real account in {data_dir}; nothing" in refused.stderr
    assert "another THERAPY_DATA_DIR" in refused.stderr
    assert OLIVIA not in run("user", "list").stdout
    assert run("seed", "--force").returncode == 0
    listed = run("user", "list").stdout
    assert OLIVIA in listed
    assert "dana@example.health" in listed


def test_a_real_account_with_a_demo_address_is_never_touched(run: Run) -> None:
    run(
        "user",
        "add",
        "--role",
        "therapist",
        "--email",
        OLIVIA,
        "--name",
        "Olivia",
        "--password",
        PASSWORD,
    )
    said = run("seed", "--force", "--password", "quite another one")
    assert said.returncode == 1
    assert "email_taken" in said.stderr


def test_a_file_holds_another_practice(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "practice.json"
    people = [
        {"role": "THERAPIST", "email": "a@example.health", "full_name": "Ada Berg"},
        {"role": "PATIENT", "email": "c@example.health", "full_name": "C D", "number": "300000015"},
    ]
    lines = [
        {"speaker": "Therapist", "text": "How are you?"},
        {"speaker": "Patient", "text": "Well, thank you."},
    ]
    session = {"therapist": "a@example.health", "patient": "300000015", "lines": lines}
    path.write_text(json.dumps({"practice": "Mine", "people": people, "sessions": [session]}))
    said = run("seed", "--file", str(path))
    assert said.returncode == 0, said.stderr
    assert "Mine: 2 accounts and 1 sessions added" in said.stdout


def test_a_file_that_is_no_practice_is_one_line_that_says_where(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "practice.json"
    for content in ("{", '{"practice": "Mine", "people": [{"role": "THERAPIST"}]}', "[]"):
        path.write_text(content)
        said = run("seed", "--file", str(path))
        assert said.returncode == 1
        assert "practice.json" in said.stderr
        assert len(said.errors) == 1


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("awaiting_review", SeedState.AWAITING_REVIEW),
        ("closed", SeedState.CLOSED),
        ("pending", SeedState.AWAITING_REVIEW),
        ("finalized", SeedState.CLOSED),
    ],
)
def test_a_file_says_the_state_of_a_session_also_as_files_of_before_did(
    tmp_path: Path, said: str, state: SeedState
) -> None:
    session = {"therapist": OLIVIA, "patient": "200000017", "lines": [], "state": said}
    path = tmp_path / "seed.json"
    path.write_text(json.dumps({"practice": "P", "people": [], "sessions": [session]}))
    assert [each.state for each in read_seed(path).sessions] == [state]
    path.write_text(path.read_text().replace(said, "over"))
    with pytest.raises(CommandFailed, match="over"):
        read_seed(path)
