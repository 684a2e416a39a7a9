"""Backups of a data directory: what is in one, what is refused, and what is left of one that fails."""

import errno
import io
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pyrage
import pytest

from tests.local.cheap_keys import cheap_keys
from therapy.adapters.local.backup.backup_file import About, Keys, read_head, write_file
from therapy.adapters.local.backup.contents import TarredFiles
from therapy.adapters.local.backup.files import locked, no_room_as_full
from therapy.adapters.local.backup.making import Content, make_backup
from therapy.adapters.local.backup.reading import read_backup
from therapy.adapters.local.backup.restoring import restore_backup
from therapy.adapters.local.sqlite.migration import known_steps
from therapy.domain.errors import InvalidInput, StorageFull

WORD = b"xqvotlewump"
PASSPHRASE = "six words that nobody will guess"
KEPT = "recordings/kept/practice"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a word in its database, two recordings, one of them long, and an upload."""
    data = tmp_path / "data"
    for name, content in {
        f"{KEPT}/one.audio": WORD * 300_000,
        f"{KEPT}/parts/two.audio": b"two",
        "recordings/staging/practice/three/audio": b"not complete",
        "jwt-secret": b"0123456789abcdef",
        "mailbox/mail/letter.eml": b"a letter",
    }.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    with closing(sqlite3.connect(data / "therapy.sqlite3")) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA user_version = {len(known_steps())}")
        database.execute("CREATE TABLE words (word TEXT)")
        database.execute("INSERT INTO words VALUES (?)", (WORD.decode(),))
    return data


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "practice.backup"


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def words_in(directory: Path) -> list[str]:
    with closing(sqlite3.connect(directory / "therapy.sqlite3")) as database:
        return [word for (word,) in database.execute("SELECT word FROM words")]


def made(data: Path, backup: Path, passphrase: str = "", content: Content | None = None) -> None:
    """Make a backup as `make_backup` does, with a passphrase that takes no second to check."""
    content = content or Content(data)
    keys = cheap_keys(passphrase) if passphrase else None
    with backup.open("w+b") as file:
        write_file(file, content.about("1.0", encrypted=bool(keys)), content, keys)


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_what_is_restored_is_what_was_there_without_uploads_and_letters(
    passphrase: str, data: Path, backup: Path, tmp_path: Path
):
    if passphrase:
        made(data, backup, passphrase)
    else:
        assert make_backup(data, backup, "", "1.0") == 2
    assert (WORD in backup.read_bytes()) is (not passphrase)
    assert passphrase or backup.stat().st_mode & 0o777 == 0o600
    restored = tmp_path / "elsewhere" / "data"
    checked = restore_backup(backup, restored, passphrase)
    assert checked.about.program == "1.0"
    assert checked.about.encrypted is bool(passphrase)
    there, wanted = files_in(restored), files_in(data)
    assert there.keys() == {
        "therapy.sqlite3",
        "jwt-secret",
        f"{KEPT}/one.audio",
        f"{KEPT}/parts/two.audio",
    }
    assert all(there[name] == wanted[name] for name in there if name != "therapy.sqlite3")
    assert words_in(restored) == [WORD.decode()]
    assert {path.stat().st_mode & 0o077 for path in restored.rglob("*")} == {0}
    assert {path.name for path in data.iterdir()} <= {
        *("therapy.sqlite3", "therapy.sqlite3-wal", "therapy.sqlite3-shm"),
        *("recordings", "jwt-secret", "mailbox"),
    }


def test_an_encrypted_backup_can_be_read_with_tar_age_and_sha256sum_alone(
    data: Path, backup: Path, tmp_path: Path
):
    made(data, backup, PASSPHRASE)
    by_hand = tmp_path / "by hand"
    by_hand.mkdir()
    subprocess.run(["tar", "-xf", backup], cwd=by_hand, check=True)
    key = pyrage.passphrase.decrypt((by_hand / "key.age").read_bytes(), PASSPHRASE).decode()
    identity = pyrage.x25519.Identity.from_str(key)
    content = pyrage.decrypt((by_hand / "content.tar.age").read_bytes(), [identity])
    (by_hand / "content.tar").write_bytes(content)
    subprocess.run(["tar", "-xf", "content.tar"], cwd=by_hand, check=True)
    sums = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=by_hand, check=True, capture_output=True, text=True
    )
    assert sums.stdout.count(": OK") == 5


# --- while others write --------------------------------------------------------------------------


class Watched(dict[str, str]):
    """The checksums of a backup being made; calls `then` once, when the first recording is copied."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then: Callable[[], None] | None = then

    def __setitem__(self, name: str, checksum: str) -> None:
        super().__setitem__(name, checksum)
        if name.endswith(".audio") and self._then:
            then, self._then = self._then, None
            then()


def made_while(data: Path, backup: Path, then: Callable[[], None]) -> None:
    """Make a backup during which `then` happens."""
    content = Content(data)
    content.files.sums = Watched(then)
    made(data, backup, content=content)


def test_a_recording_that_is_deleted_meanwhile_is_not_restored(
    data: Path, backup: Path, tmp_path: Path
):
    def erase() -> None:
        (data / f"{KEPT}/one.audio").unlink()
        with closing(sqlite3.connect(data / "therapy.sqlite3")) as database, database:
            database.execute("DELETE FROM words")

    made_while(data, backup, erase)
    restore_backup(backup, tmp_path / "new", "")
    assert words_in(tmp_path / "new") == []
    assert {name for name in files_in(tmp_path / "new") if name.endswith(".audio")} == {
        f"{KEPT}/parts/two.audio"
    }


def test_a_recording_that_comes_meanwhile_is_there_if_its_session_is(
    data: Path, backup: Path, tmp_path: Path
):
    def arrive() -> None:
        (data / f"{KEPT}/new.audio").write_bytes(b"new")
        with closing(sqlite3.connect(data / "therapy.sqlite3")) as database, database:
            database.execute("INSERT INTO words VALUES ('new')")

    made_while(data, backup, arrive)
    restore_backup(backup, tmp_path / "new", "")
    assert words_in(tmp_path / "new") == [WORD.decode(), "new"]
    assert files_in(tmp_path / "new")[f"{KEPT}/new.audio"] == b"new"


# --- refusals ------------------------------------------------------------------------------------


def reason(error: pytest.ExceptionInfo[InvalidInput]) -> str:
    return str(error.value.details["reason"])


def test_a_file_that_exists_is_never_replaced(data: Path, backup: Path):
    backup.write_bytes(b"something else")
    with pytest.raises(InvalidInput) as error:
        make_backup(data, backup, "", "1.0")
    assert reason(error) == "backup_file_exists"
    assert backup.read_bytes() == b"something else"


def test_a_directory_without_a_database_is_nothing_to_back_up(tmp_path: Path, backup: Path):
    with pytest.raises(InvalidInput) as error:
        make_backup(tmp_path, backup, "", "1.0")
    assert reason(error) == "nothing_to_back_up"
    assert files_in(tmp_path) == {}


def test_a_directory_that_is_not_empty_is_left_as_it_is(data: Path, backup: Path, tmp_path: Path):
    make_backup(data, backup, "", "1.0")
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    with pytest.raises(InvalidInput) as error:
        restore_backup(backup, other, "")
    assert reason(error) == "directory_not_empty"
    assert files_in(other) == {"letter.txt": b"mine"}


def test_what_a_killed_restore_left_does_not_stop_the_next(
    data: Path, backup: Path, tmp_path: Path
):
    make_backup(data, backup, "", "1.0")
    left = tmp_path / "new" / "restore-in-progress"
    left.mkdir(parents=True)
    (left / "therapy.sqlite3").write_bytes(b"half")
    restore_backup(backup, tmp_path / "new", "")
    assert words_in(tmp_path / "new") == [WORD.decode()]
    assert not left.exists()


def test_what_a_restore_had_moved_that_was_killed_does_not_stop_the_next(
    data: Path, backup: Path, tmp_path: Path
):
    make_backup(data, backup, "", "1.0")
    other = tmp_path / "new"
    (other / "restore-in-progress").mkdir(parents=True)
    (other / KEPT).mkdir(parents=True)
    (other / KEPT / "one.audio").write_bytes(b"moved")
    (other / "jwt-secret").write_bytes(b"moved")
    restore_backup(backup, other, "")
    assert words_in(other) == [WORD.decode()]
    assert files_in(other)[f"{KEPT}/one.audio"] == WORD * 300_000
    (other / "restore-in-progress").mkdir()
    with pytest.raises(InvalidInput):  # this one is complete
        restore_backup(backup, other, "")
    assert words_in(other) == [WORD.decode()]


@pytest.mark.parametrize(
    ("passphrases", "wanted"),
    [
        ((PASSPHRASE, "another"), "wrong_passphrase"),
        ((PASSPHRASE, ""), "backup_is_encrypted"),
        (("", PASSPHRASE), "backup_is_not_encrypted"),
    ],
)
def test_a_passphrase_that_does_not_fit_is_named(
    passphrases: tuple[str, str], wanted: str, data: Path, backup: Path, tmp_path: Path
):
    made_with, given = passphrases
    made(data, backup, made_with)
    with pytest.raises(InvalidInput) as error:
        restore_backup(backup, tmp_path / "new", given)
    assert reason(error) == wanted
    assert files_in(tmp_path / "new") == {}


def test_a_passphrase_that_this_machine_is_too_slow_to_check_is_not_called_wrong(
    data: Path, backup: Path
):
    content = Content(data)
    with backup.open("w+b") as file:
        about = content.about("1.0", encrypted=True)
        write_file(file, about, content, cheap_keys(PASSPHRASE, claimed=40))
    with pytest.raises(InvalidInput) as error:
        read_backup(backup, PASSPHRASE)
    assert reason(error) == "passphrase_too_costly"


def changed(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def parts(backup: Path) -> Iterator[tuple[str, int]]:
    """A place in each part of a backup; of its content in the long recording and at the end."""
    with backup.open("rb") as file:
        head = read_head(file)
        begin = file.tell()
    yield "about", 530
    yield "recording", begin + 2_000_000
    yield "end", begin + head.size - 1100


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_changed_byte_is_found_wherever_it_is(
    passphrase: str, data: Path, backup: Path, tmp_path: Path
):
    made(data, backup, passphrase)
    whole = backup.read_bytes()
    for part, at in parts(backup):
        backup.write_bytes(changed(whole, at))
        with pytest.raises(InvalidInput) as error:
            restore_backup(backup, tmp_path / "new", passphrase)
        assert reason(error) == "backup_damaged", part
        assert files_in(tmp_path / "new") == {}


def test_a_backup_that_was_cut_off_says_so_before_a_passphrase_is_asked_for(
    data: Path, backup: Path
):
    made(data, backup, PASSPHRASE)
    whole = backup.read_bytes()
    for length in (len(whole) - 5_000, 3_000):
        backup.write_bytes(whole[:length])
        with pytest.raises(InvalidInput) as error:
            read_backup(backup, "")
        assert reason(error) == "backup_cut_off"
    backup.write_bytes(whole[:700])
    with pytest.raises(InvalidInput) as error:
        read_backup(backup, "")
    assert reason(error) in {"backup_cut_off", "backup_damaged"}


@pytest.mark.parametrize("content", [b"", b"RIFF" * 500, b"\xff" * 2_000])
def test_another_file_is_no_backup(content: bytes, backup: Path):
    backup.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        read_backup(backup, "")
    assert reason(error) == "not_a_backup"


@pytest.mark.parametrize("about", [b'{"format":2,"new":[1]}', None])
def test_a_backup_of_a_newer_program_is_refused(about: bytes | None, backup: Path):
    newer = msgspec.json.encode(About("2.0", len(known_steps()) + 1, "2030-01-01T00:00:00", False))
    with backup.open("w+b") as file:
        write_file(file, about or newer, TarredFiles().end(frozenset()))
    with pytest.raises(InvalidInput) as error:
        read_backup(backup, "")
    assert reason(error) == "backup_of_a_newer_version"


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", f"{KEPT}/../../x.audio", "models/x"])
def test_no_file_is_written_anywhere_else(name: str, backup: Path, tmp_path: Path):
    files = TarredFiles()
    about = msgspec.json.encode(About("1.0", 1, "2026-01-01T00:00:00", False))
    with backup.open("w+b") as file:
        write_file(file, about, files.tarred(name, io.BytesIO(b"x"), 1))
    with pytest.raises(InvalidInput) as error:
        restore_backup(backup, tmp_path / "new", "")
    assert reason(error) == "backup_damaged"
    assert files_in(tmp_path).keys() == {backup.name}


def test_without_room_nothing_is_begun(data: Path, backup: Path):
    """A sparse file that claims more than any disk has."""
    with (data / f"{KEPT}/huge.audio").open("wb") as huge:
        huge.truncate(2**43)  # 8 TiB
    with pytest.raises(StorageFull) as error:
        make_backup(data, backup, "", "1.0")
    assert int(error.value.details["needed_bytes"]) > 2**43
    assert not backup.exists()
    assert not backup.with_name(f"{backup.name}.part").exists()


class FullDisk(io.BytesIO):
    """A disk with room for a million bytes."""

    def write(self, chunk) -> int:
        if self.tell() + len(chunk) > 1_000_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(chunk)


@pytest.mark.parametrize("keys", [None, cheap_keys(PASSPHRASE)], ids=["plain", "encrypted"])
def test_a_disk_that_is_full_meanwhile_is_not_hidden_by_encryption(keys: Keys | None, data: Path):
    content = Content(data)
    about = content.about("1.0", encrypted=bool(keys))
    with pytest.raises(StorageFull), no_room_as_full():
        write_file(FullDisk(), about, content, keys)
    assert not (data / "backup-in-progress").exists()


def test_two_backups_at_once_are_refused(data: Path, backup: Path):
    with locked(data), pytest.raises(InvalidInput) as error:
        make_backup(data, backup, "", "1.0")
    assert reason(error) == "another_backup"
    assert not backup.exists()
