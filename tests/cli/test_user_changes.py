"""`therapy user rename`, `reset` and `remove`."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run, signs_in, with_installation
from therapy.domain.errors import NotSignedIn
from therapy.workflows.authentication import log_in, refresh

DANA = ("--role", "therapist", "--email", "dana@example.health", "--name", "Dana Levi")
NOA = ("--role", "patient", "--email", "noa@example.health", "--name", "Noa Bar")
OLD = "long enough to keep"


def test_who_is_renamed_is_listed_and_found_by_the_new_name(run: Run, data_dir: Path) -> None:
    run("user", "add", *NOA, "--number", "300000015")
    said = run("user", "rename", "NOA@example.health", "--name", " Noa [Levi] ")
    assert (said.returncode, said.errors) == (0, [])
    assert "noa@example.health is Noa [Levi] now" in said.stdout
    assert said.data == str(data_dir)
    assert "Noa [Levi]" in run("user", "list").stdout
    found = with_installation(data_dir, finds("levi"))
    assert [each.full_name for each in found] == ["Noa [Levi]"]
    assert with_installation(data_dir, finds("bar")) == ()


def finds(query: str):
    async def find(here):
        (practice,) = await here.records.practices.all()
        return await here.people_index.search(practice.id, None, query, "", 10)

    return find


def test_a_new_password_is_shown_once_and_ends_what_was_signed_in(run: Run, data_dir: Path) -> None:
    run("user", "add", *DANA, "--password", OLD)
    signed_in = with_installation(
        data_dir,
        lambda here: log_in("dana@example.health", OLD, records=here.records, sign_in=here.sign_in),
    )
    said = run("user", "reset", "dana@example.health")
    (password,) = re.findall(r"password: (\S+) \(shown once", said.stdout)
    assert said.data == str(data_dir)
    assert signs_in(data_dir, "dana@example.health", password)
    with pytest.raises(NotSignedIn):
        signs_in(data_dir, "dana@example.health", OLD)
    with pytest.raises(NotSignedIn):
        with_installation(
            data_dir,
            lambda here: refresh(
                signed_in.refresh_token, records=here.records, sign_in=here.sign_in
            ),
        )


def test_a_new_password_can_be_read_from_standard_input_and_is_not_shown(
    run: Run, data_dir: Path
) -> None:
    run("user", "add", *DANA, "--password", OLD)
    arguments = ("user", "reset", "dana@example.health", "--password-stdin")
    said = run(*arguments, stdin="another long one\n")
    assert (said.returncode, "has a new password" in said.stdout) == (0, True)
    assert "another long one" not in said.stdout + said.stderr
    assert signs_in(data_dir, "dana@example.health", "another long one")


def test_who_is_removed_is_gone_and_can_be_added_anew(run: Run, data_dir: Path) -> None:
    run("user", "add", *NOA, "--number", "300000015")
    said = run("user", "remove", "noa@example.health", stdin="n\n")
    assert "nothing was removed" in said.stderr
    said = run("user", "remove", "NOA@example.health", "--yes")
    assert (said.returncode, said.errors) == (0, [])
    assert "removed Noa Bar (noa@example.health)" in said.stdout
    assert said.data == str(data_dir)
    assert "no accounts yet" in run("user", "list").stdout
    assert run("user", "add", *NOA, "--number", "300000015").returncode == 0
    assert "no account in" in run("user", "remove", "nobody@example.health", "--yes").stderr


def test_who_has_sessions_is_not_removed(run: Run) -> None:
    run("seed", "--password", OLD)
    for email in ("olivia.hayes1@example.health", "jamie.davis2@example.health"):
        said = run("user", "remove", email, "--yes")
        assert (said.returncode, "[account_in_use" in said.stderr) == (1, True)
        assert "Disable it instead" in said.stderr
        assert email in run("user", "list").stdout


def test_what_is_wrong_with_a_change_is_one_line_and_changes_nothing(
    run: Run, data_dir: Path
) -> None:
    run("user", "add", *DANA, "--password", OLD)
    before = run("user", "list").stdout
    for arguments, text in {
        ("rename", "nobody@example.health", "--name", "A"): "no account in",
        ("reset", "nobody@example.health"): "no account in",
        ("rename", "dana@example.health", "--name", " "): "[required",
        ("rename", "dana@example.health", "--name", "x" * 201): "The field name is too long",
    }.items():
        said = run("user", *arguments)
        assert said.returncode == 1
        assert text in said.stderr
        assert len(said.errors) == 1
    assert run("user", "list").stdout == before
    assert signs_in(data_dir, "dana@example.health", OLD)


def test_which_data_it_is_stands_before_the_question_whether_to_remove(
    run: Run, data_dir: Path
) -> None:
    run("user", "add", *NOA, "--number", "300000015")
    said = run("user", "remove", "noa@example.health", stdin="n\n").stderr
    assert f"data in {data_dir}" in said
    assert said.index(f"data in {data_dir}") < said.index("for good?")
    assert run("user", "remove", "noa@example.health", stdin="y\n").stderr.count("data in") == 1


def test_a_new_password_for_a_disabled_account_says_that_it_is_disabled(run: Run) -> None:
    run("user", "add", *DANA)
    assert "disabled" not in run("user", "reset", "dana@example.health").stdout
    run("user", "disable", "dana@example.health")
    assert "therapy user enable" in run("user", "reset", "dana@example.health").stdout
