"""`therapy backup` and `therapy restore`, with a server that receives recordings meanwhile."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Run, with_installation
from tests.cli.practice_at_work import Practice
from therapy.domain.errors import NotFound
from therapy.domain.session import State
from therapy.entrypoints.cli.own_server import Server, command, environment, running_server
from therapy.testing.samples import a_wav
from therapy.workflows.installation import Installation

PASSPHRASE = "six words that nobody will guess"


def in_its_own_process(folder: Path, *arguments: str, stdin: str) -> str:
    """Run a command as somebody else on this machine would."""
    ran = subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(folder / "data"),
        input=stdin,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def a_recording(number: int) -> bytes:
    """A second of sound, another one for each number."""
    return a_wav(number.to_bytes(2, "little") * 16_000)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    settings = environment(tmp_path / "data") | {"THERAPY_WAITING_SESSIONS": "500"}
    with running_server(tmp_path, settings, "--no-worker") as server:
        yield server


@pytest.mark.slow
def test_a_backup_while_recordings_arrive_has_all_that_was_there_when_it_began(
    served: Server, tmp_path: Path, run: Run
) -> None:
    def said_by(*arguments: str, stdin: str = "", data: str = "data") -> str:
        ran = run(*arguments, stdin=stdin, **environment(tmp_path / data))
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    said_by("seed", "--password-stdin", stdin=PASSWORD)
    with Practice(served.url, PASSWORD, a_recording, cancels=True) as practice:
        for _ in range(4):
            practice.upload()
        practice.review()
        app = practice.phone
        resumable = {"Tus-Resumable": "1.0.0", "Upload-Length": "99"}
        assert app.raw("POST", "/uploads", token=app.token, headers=resumable).status_code == 201
        before, reviewed = list(practice.kept), list(practice.submitted)
        assert reviewed
        with practice.at_work(pause=0.2, most=6):
            backup = "backup", "b", "--passphrase-stdin"
            said = in_its_own_process(tmp_path, *backup, stdin=PASSPHRASE)
    assert "the database and " in said
    assert len(practice.kept) > len(before)
    assert len(practice.submitted) > len(reviewed)
    said = said_by("restore", "b", "new", "--passphrase-stdin", stdin=PASSPHRASE)
    assert "Restored. Made 20" in said
    assert "Everything fits together" in said_by("doctor", data="new")

    async def found_in(here: Installation) -> tuple[dict[str, int], set[State]]:
        """The sessions that are there, with the size of their recordings; states of those submitted."""
        (place,) = await here.records.practices.all()
        found = {}
        for session_id in practice.kept:
            with suppress(NotFound):
                session = await here.records.sessions.load(place.id, session_id)
                size = await here.intake.recordings.size(place.id, session.recording.key)
                found[session_id] = size
        open_ones = here.records.uploads.of_practice(place.id)
        assert [each.id async for each in open_ones if each.resumable] == []
        sessions = [await here.records.sessions.load(place.id, each) for each in reviewed]
        return found, {each.state for each in sessions}

    restored, states = with_installation(tmp_path / "new", found_in)
    assert states == {State.CLOSING}
    assert restored.keys() >= set(before)
    assert set(restored.values()) == {len(a_recording(1))}


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_data_in_azure_is_referred_to_the_guide(command: str, run: Run) -> None:
    azure = {
        "COSMOS_URI": "https://example.documents.azure.com",
        "AZURE_STORAGE_ACCOUNT_NAME": "example",
    }
    said = run(command, "b", **azure)
    assert said.returncode != 0
    assert "back-up-and-restore.md" in said.stderr


def test_a_refusal_is_one_line_that_says_what_to_do(run: Run, tmp_path: Path) -> None:
    for made, said in {
        "no data": run("backup", "b"),
        "no backup": run("restore", str(Path(__file__))),
    }.items():
        assert said.returncode == 1, made
        assert len(said.errors) <= 2
        assert "[invalid field=backup reason=" in said.stderr


def test_a_passphrase_in_two_ways_or_none_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p").write_text("one\n")
    for ways in (
        ("--passphrase-stdin", "--passphrase-file", "p"),
        ("--passphrase-stdin",),
        ("--passphrase-prompt",),
    ):
        assert run("backup", "b", *ways).returncode == 2
    assert not (tmp_path / "b").exists()


@pytest.mark.slow
def test_a_passphrase_that_is_soon_guessed_is_refused_and_no_file_is_left(
    run: Run, tmp_path: Path
) -> None:
    given = environment(tmp_path / "data")
    assert run("seed", "--password-stdin", stdin=PASSWORD, **given).returncode == 0
    said = run("backup", "b", "--passphrase-stdin", stdin="eleven char\n", **given)
    assert said.returncode == 2
    assert "shorter than 12 characters" in said.stderr
    assert not (tmp_path / "b").exists()
    assert run("backup", "b", "--passphrase-stdin", stdin="twelve chars\n", **given).returncode == 0
