"""`therapy user` and `therapy mail`."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run, signs_in, with_installation
from therapy.domain.errors import NotSignedIn
from therapy.workflows.installation import Installation
from therapy.workflows.new_passwords import change_password
from therapy.workflows.reset_letters import ask_for_letter

DANA = ("--role", "therapist", "--email", "dana@example.health", "--name", "Dana Levi")
NOA = ("--role", "patient", "--email", "noa@example.health", "--name", "Noa Bar")


def test_who_is_added_signs_in_with_the_password_that_was_shown_once(
    run: Run, data_dir: Path
) -> None:
    said = run("user", "add", *DANA)
    assert said.returncode == 0, said.stderr
    (password,) = re.findall(r"password: (\S+) \(shown once", said.stdout)
    assert signs_in(data_dir, "dana@example.health", password)


def test_a_password_that_was_given_is_not_shown(run: Run, data_dir: Path) -> None:
    said = run("user", "add", *DANA, "--password", "long enough to keep")
    assert "long enough to keep" not in said.stdout + said.stderr
    assert signs_in(data_dir, "dana@example.health", "long enough to keep")


def test_a_password_comes_from_standard_input_or_a_file_and_is_shown_nowhere(
    run: Run, data_dir: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "password"
    kept.write_text("  from a file, with blanks \nand a second line\n")
    ways = {
        "dana@example.health": ("--password-file", str(kept)),
        "other@example.health": ("--password-stdin",),
    }
    for email, way in ways.items():
        person = ("--role", "therapist", "--email", email, "--name", "Dana Levi")
        said = run("user", "add", *person, *way, stdin="from standard input\n")
        assert (said.returncode, said.errors) == (0, [])
        assert "from" not in said.stdout
    assert signs_in(data_dir, "dana@example.health", "  from a file, with blanks ")
    assert signs_in(data_dir, "other@example.health", "from standard input")


def test_a_password_on_the_command_line_is_warned_about(run: Run) -> None:
    said = run("user", "add", *DANA, "--password", "long enough to keep")
    assert "--password-stdin" in said.stderr
    assert "list of processes" in said.stderr


def test_a_password_in_two_ways_or_none_is_refused(run: Run) -> None:
    for way in (
        ("--password", "x", "--password-stdin"),
        ("--password-stdin",),
        ("--password-prompt",),
    ):
        said = run("user", "add", *DANA, *way)
        assert said.returncode == 2
    assert "no accounts yet" in run("user", "list").stdout


def test_who_is_disabled_cannot_sign_in_until_enabled(run: Run, data_dir: Path) -> None:
    run("user", "add", *DANA, "--password-stdin", stdin="long enough to keep")
    assert run("user", "disable", "DANA@example.health").returncode == 0
    assert "disabled" in run("user", "list").stdout
    with pytest.raises(NotSignedIn, match="wrong_credentials"):
        signs_in(data_dir, "dana@example.health", "long enough to keep")
    assert run("user", "enable", "dana@example.health").returncode == 0
    assert "disabled" not in run("user", "list").stdout
    assert signs_in(data_dir, "dana@example.health", "long enough to keep")


def test_nobody_is_disabled_who_has_no_account(run: Run) -> None:
    for switch in ("disable", "enable"):
        said = run("user", switch, "nobody@example.health")
        assert (said.returncode, len(said.errors)) == (1, 1)
        assert "therapy user list" in said.stderr


def test_the_list_shows_everybody(run: Run) -> None:
    assert "no accounts yet" in run("user", "list").stdout
    run("user", "add", *DANA, "--practice", "River Practice")
    run("user", "add", *NOA, "--number", "300000015", "--date-of-birth", "31-12-1990")
    listed = run("user", "list").stdout
    for text in ("River Practice", "therapist", "Dana Levi", "patient", "noa@example.health"):
        assert text in listed
    assert listed.count("River Practice") == 2, "the only practice needs no name"
    assert "300000015" in listed


def test_to_list_accounts_creates_nothing(run: Run, data_dir: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    said = run("user", "list")
    assert (said.returncode, "no accounts yet" in said.stdout) == (0, True)
    assert sorted(tmp_path.iterdir()) == before
    data_dir.mkdir()
    run("user", "list")
    assert list(data_dir.iterdir()) == []


def test_what_is_wrong_with_a_new_account_is_one_line(run: Run) -> None:
    run("user", "add", *DANA)
    cases = {
        "email_taken": DANA,
        "patient_number": (*NOA, "--number", "12"),
        "weak_password": (*NOA, "--number", "300000015", "--password-stdin"),
        "date": (*NOA, "--number", "300000015", "--date-of-birth", "31-02-1990"),
    }
    for code, arguments in cases.items():
        said = run("user", "add", *arguments, stdin="short")
        assert said.returncode == 1
        assert f"[{code}" in said.stderr
        assert len(said.errors) == 1
    assert run("user", "list").stdout.count("example.health") == 1


async def letter_sent(here: Installation) -> None:
    attempts = here.sign_in.attempts
    asked = await ask_for_letter("dana@example.health", records=here.records, attempts=attempts)
    await here.records.deliver(asked)


def test_mail_shows_the_letter_with_the_code_for_a_new_password(run: Run, data_dir: Path) -> None:
    assert "empty" in run("mail").stdout
    run("user", "add", *DANA)
    with_installation(
        data_dir,
        letter_sent,
    )
    shown = run("mail").stdout
    assert "dana@example.health" in shown
    assert "Change your password" in shown
    (code,) = re.findall(r"^(\S{30,})$", shown, re.MULTILINE)
    new = "another long password"
    with_installation(
        data_dir,
        lambda here: change_password(code, new, records=here.records, sign_in=here.sign_in),
    )
    assert signs_in(data_dir, "dana@example.health", new)


def test_a_name_with_brackets_is_shown_as_it_is_with_the_password(run: Run, data_dir: Path) -> None:
    person = ("--role", "therapist", "--email", "dana@example.health", "--name", "Dana [/boss]")
    said = run("user", "add", *person, "--practice", "Lake [red]")
    assert (said.returncode, said.errors) == (0, [])
    assert "added therapist Dana [/boss] (dana@example.health) to Lake [red]" in said.stdout
    (password,) = re.findall(r"password: (\S+) \(shown once", said.stdout)
    assert signs_in(data_dir, "dana@example.health", password)
    listed = run("user", "list").stdout
    assert "Dana [/boss]" in listed
    assert "Lake [red]" in listed


def test_a_new_practice_is_said_to_be_new_and_which_others_there_are(run: Run) -> None:
    assert "to River (a new practice)" in run("user", "add", *DANA, "--practice", "River").stdout
    noa = (*NOA, "--number", "300000015")
    said = run("user", "add", *noa, "--practice", "Rivver").stdout
    assert "to Rivver (a new practice, beside River)" in said
    run("user", "remove", "noa@example.health", "--yes")
    assert "to river" in run("user", "add", *noa, "--practice", "river").stdout.lower()


def test_without_a_name_the_practices_to_choose_from_are_named(run: Run) -> None:
    run("user", "add", *DANA, "--practice", "River")
    run("user", "add", *NOA, "--number", "300000015", "--practice", "Lake")
    said = run("user", "add", *NOA, "--number", "300000023")
    assert (said.returncode, len(said.errors)) == (1, 1)
    assert "choose one with --practice: Lake, River" in said.stderr


def test_a_practice_that_a_failed_try_left_empty_is_in_nobodys_way(run: Run) -> None:
    run("user", "add", *DANA, "--practice", "River")
    assert run("user", "add", *DANA, "--practice", "Rivver").returncode == 1
    said = run("user", "add", *NOA, "--number", "300000015")
    assert (said.returncode, said.errors) == (0, [])
    assert said.stdout.splitlines()[0].endswith("to River")


def test_a_number_is_for_patients_and_they_need_one(run: Run) -> None:
    for arguments in (NOA, (*DANA, "--number", "300000015")):
        said = run("user", "add", *arguments)
        assert said.returncode == 2
        assert "a patient needs --number, nine digits" in said.stderr
