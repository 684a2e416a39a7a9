"""`therapy backup` and `therapy restore`, with a server that receives recordings meanwhile."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Run, with_installation
from therapy.domain.errors import NotFound
from therapy.entrypoints.cli.mobile_client import MobileClient, Upload, metadata_of
from therapy.entrypoints.cli.own_server import Server, command, environment, running_server
from therapy.testing.samples import a_wav
from therapy.workflows.installation import Installation

DANA = ("--role", "therapist", "--email", "dana@example.health", "--name", "Dana Levi")
PASSPHRASE = "six words that nobody will guess"


def therapy(folder: Path, *arguments: str, stdin: str = "", data: str = "data") -> str:
    """Run a command in a process of its own, as somebody else on this machine would."""
    ran = subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(folder / data),
        input=stdin,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def a_recording(number: int) -> bytes:
    """A second of sound, another one for each number."""
    return a_wav(number.to_bytes(2, "little") * 16_000)


class Phone:
    """A therapist's phone: uploads one recording after another and cancels every third."""

    def __init__(self, app: MobileClient) -> None:
        self.kept: list[str] = []
        self._app = app
        self._app.login("dana@example.health", PASSWORD)
        self._number = 0

    def upload(self) -> None:
        self._number += 1
        number = self._number
        about = metadata_of(
            therapist={"id": self._app.user["userId"]},
            patient={"id": f"{number:09}", "name": "Noa Bar"},
            day=date(2026, 1, 1),
        )
        answer = self._app.upload(Upload(a_recording(number), about))
        assert answer.status_code in {200, 201, 202}, answer.text
        session_id = answer.json()["session_id"]
        if number % 3:
            self.kept.append(session_id)
            return
        assert self._app.call("DELETE", f"/sessions/{session_id}").status_code < 300

    @contextmanager
    def uploading(self) -> Iterator[None]:
        """Go on uploading while the body runs."""
        over = threading.Event()

        def work() -> None:
            for _ in range(6):
                if not over.wait(0.2):
                    self.upload()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    settings = environment(tmp_path / "data") | {"THERAPY_WAITING_SESSIONS": "500"}
    with running_server(tmp_path, settings, "--no-worker") as server:
        yield server


@pytest.mark.slow
def test_a_backup_while_recordings_arrive_has_all_that_was_there_when_it_began(
    served: Server, tmp_path: Path
) -> None:
    therapy(tmp_path, "user", "add", *DANA, "--password-stdin", stdin=PASSWORD)
    with MobileClient(served.url) as app:
        phone = Phone(app)
        for _ in range(4):
            phone.upload()
        resumable = {"Tus-Resumable": "1.0.0", "Upload-Length": "99"}
        assert app.raw("POST", "/uploads", token=app.token, headers=resumable).status_code == 201
        before = list(phone.kept)
        with phone.uploading():
            said = therapy(tmp_path, "backup", "b", "--passphrase-stdin", stdin=PASSPHRASE)
    assert "recordings and the database" in said
    assert len(phone.kept) > len(before)
    said = therapy(tmp_path, "restore", "b", "new", "--passphrase-stdin", stdin=PASSPHRASE)
    assert "Restored. Made 20" in said
    assert "Everything fits together" in therapy(tmp_path, "doctor", data="new")

    async def audio_of(here: Installation) -> dict[str, int]:
        """The sessions that are there, with the size of their recordings."""
        (practice,) = await here.records.practices.all()
        found = {}
        for session_id in phone.kept:
            with suppress(NotFound):
                session = await here.records.sessions.load(practice.id, session_id)
                size = await here.intake.recordings.size(practice.id, session.recording.key)
                found[session_id] = size
        open_ones = here.records.uploads.of_practice(practice.id)
        assert [each.id async for each in open_ones if each.resumable] == []
        return found

    restored = with_installation(tmp_path / "new", audio_of)
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
