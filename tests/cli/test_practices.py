"""`therapy practice show` and `therapy practice set`: in force at once, for a server that is running."""

from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import PASSWORD, Run, with_installation
from therapy.domain.people import PatientSees
from therapy.entrypoints.cli.own_server import Server

DANA = ("--role", "therapist", "--email", "dana@example.health", "--name", "Dana Levi")
NOA = ("--role", "patient", "--email", "noa@example.health", "--name", "Noa Bar")


def sees(data_dir: Path) -> list[PatientSees]:
    listed = with_installation(data_dir, lambda here: here.records.practices.all())
    return [each.patient_sees for each in listed]


def test_it_shows_each_practice_and_which_data_it_is(run: Run, data_dir: Path) -> None:
    run("user", "add", *DANA, "--practice", "River Practice")
    run("user", "add", *NOA, "--number", "300000015", "--practice", "Lake [Practice]")
    said = run("practice", "show")
    shown = said.stdout
    assert said.data == str(data_dir)
    for text in ("River Practice", "Lake [Practice]", "patients see  full"):
        assert text in shown
    shown = run("practice", "show", "--practice", "river  practice").stdout
    assert "Lake" not in shown
    assert [line.split() for line in shown.splitlines()][1:5] == [
        ["language", "en"],
        ["patients", "see", "full"],
        ["therapists", "1"],
        ["patients", "0"],
    ]


def test_it_changes_what_is_named_and_says_what_was_before(run: Run, data_dir: Path) -> None:
    run("user", "add", *DANA)
    said = run("practice", "set", "--patient-sees", "without-notes", "--name", "Of the River")
    assert (said.returncode, said.errors) == (0, [])
    assert "Of the River: patients see without-notes (before: full)" in said.stdout
    assert "name Of the River (before: Practice)" in said.stdout
    assert said.data == str(data_dir)
    assert sees(data_dir) == [PatientSees.WITHOUT_NOTES]
    again = run("practice", "set", "--patient-sees", "without-notes")
    assert "nothing has changed" in again.stdout
    assert "patients see  without-notes" in run("practice", "show").stdout


def test_what_is_wrong_is_said_and_changes_nothing(run: Run, data_dir: Path) -> None:
    for practice in ("River Practice", "Lake Practice"):
        email = f"{practice[0]}@example.health"
        run("user", "add", *DANA[:2], "--email", email, *DANA[4:], "--practice", practice)
    nothing = ("--patient-sees", "nothing")
    cases = {
        ("set",): (2, "say what to change"),
        ("set", "--patient-sees", "little"): (2, "without-notes"),
        ("set", *nothing): (1, "several practices: choose one with --practice: Lake"),
        ("set", "--practice", "Sea", *nothing): (1, "no practice of that name"),
        ("show", "--practice", "Sea"): (1, "no practice of that name"),
        ("set", "--practice", "Lake Practice", "--name", " river practice"): (1, "name_taken"),
        ("set", "--practice", "Lake Practice", "--name", " "): (1, "[required"),
        ("set", "--practice", "Lake Practice", "--name", "x" * 201): (
            1,
            "The field name is too long",
        ),
    }
    for arguments, (code, text) in cases.items():
        said = run("practice", *arguments)
        assert said.returncode == code
        assert text in " ".join(said.stderr.replace("│", " ").split())
    assert sees(data_dir) == [PatientSees.FULL] * 2


def test_without_data_it_says_so_and_creates_nothing(run: Run, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    for arguments in (("show",), ("set", "--patient-sees", "nothing")):
        said = run("practice", *arguments)
        assert (said.returncode, "there is no practice" in said.stderr) == (1, True)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.slow
def test_a_running_server_shows_patients_at_once_what_was_set(server: Server, run: Run) -> None:
    with httpx.Client(base_url=server.url) as client:
        account = {"email": "jamie.davis2@example.health", "password": PASSWORD}
        token = client.post("/auth/login", json=account).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        (session_id, *_) = [each["id"] for each in client.get("/sessions/me").json()]
        for word, status, has_notes in (
            ("without-notes", 200, False),
            ("nothing", 404, False),
            ("full", 200, True),
        ):
            data = str(server.log.parent / "data")
            assert run("practice", "set", "--patient-sees", word, THERAPY_DATA_DIR=data).stdout
            details = client.get(f"/sessions/{session_id}/details")
            assert details.status_code == status
            assert bool(client.get("/sessions/me").json()) == (word != "nothing")
            assert bool(details.json().get("general_notes")) == has_notes
