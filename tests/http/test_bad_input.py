"""Bad input, by name: what happens to each, in both languages, and that nothing is left behind.

What happens while a body is still on its way is in `test_streaming.py`; metadata that is refused in
`test_bad_metadata.py`.
"""

import gzip
import json
import random
from urllib.parse import quote

import pytest

from tests import media
from tests.builders import PRACTICE, a_wav
from tests.file_search import files_below
from tests.http.clinic import (
    ALEX,
    BOUNDARY,
    JORDAN,
    NOTHING,
    SOUND,
    check_problem,
    form,
    left_behind,
    metadata_of,
    open_clinic,
)
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.domain.errors import Unavailable
from therapy.domain.media import SNIFF_BYTES
from therapy.entrypoints.http.session_upload import MULTIPART_ROOM


@pytest.fixture
async def clinic(tmp_path):
    """A clinic that decodes what it gets."""
    async with open_clinic(tmp_path, audio=PyAvAudioDecoder()) as opened:
        yield opened


def left(clinic):
    return left_behind(clinic.settings.data_dir)


SILENT_FILM = media.film("mp4", "mpeg4")
REFUSED_FILES = {
    "empty": (b"", 400, "empty_file"),
    "text": (b"Dear diary, this is a text.\n" * 400, 415, "unsupported_audio"),
    "short text": (b"RIFF", 415, "unsupported_audio"),
    "html": (b"<!DOCTYPE html><html></html>", 415, "unsupported_audio"),
    "zip": (b"PK\x03\x04" + bytes(5_000), 415, "unsupported_audio"),
    "zeros": (bytes(10_000), 415, "unsupported_audio"),
    "film without sound": (SILENT_FILM, 415, "unsupported_audio"),
    "playlist": (b"#EXTM3U\nfile:///etc/passwd\n", 415, "unsupported_audio"),
}


@pytest.mark.parametrize(("content", "status", "code"), REFUSED_FILES.values(), ids=REFUSED_FILES)
async def test_what_is_no_recording_is_refused_at_the_upload(clinic, content, status, code):
    problem = check_problem(await clinic.upload(content), status, code)
    assert problem["detail"] != problem["error"]  # says what can be done
    assert left(clinic) == NOTHING


def truncated_m4a() -> bytes:
    whole = media.recording("m4a", 4.0)
    assert whole.index(b"moov") > whole.index(b"mdat")  # the index comes last and is cut off
    return whole[: len(whole) // 2]


def noise_like_an_mp3() -> bytes:
    return b"\xff\xfb\x90\x64" + random.Random(1).randbytes(50_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make", [truncated_m4a, noise_like_an_mp3], ids=["truncated m4a", "noise like an mp3"]
)
async def test_a_broken_recording_is_accepted_and_then_fails_with_reason_and_advice(clinic, make):
    answer = await clinic.upload(make())
    assert answer.status_code == 202
    session_id = answer.json()["session_id"]
    await clinic.work()
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert told["state"] == "failed"
    assert told["failure"]["code"] == "decode"
    assert told["failure"]["reason"]
    assert told["failure"]["advice"]
    hebrew = await clinic.get(f"/sessions/{session_id}", headers={"Accept-Language": "he"})
    assert any("א" <= letter <= "ת" for letter in hebrew.json()["failure"]["reason"])
    assert (await clinic.get("/data/pending")).json() == []
    failed = (await clinic.get("/sessions", params={"state": "failed"})).json()
    assert [each["id"] for each in failed["sessions"]] == [session_id]


async def test_a_second_of_silence_goes_to_review_with_no_lines(clinic):
    answer = await clinic.upload(a_wav(bytes(32_000)))
    session_id = answer.json()["session_id"]
    await clinic.work()
    told = await clinic.get(f"/data/transcript/{session_id}")
    assert (told.status_code, told.json()["transcript"]) == (200, [])
    assert [each["id"] for each in (await clinic.get("/data/pending")).json()] == [session_id]


async def test_a_null_summary_is_an_empty_one(clinic):
    session_id = await clinic.reviewable(summary=None)
    assert (await clinic.get(f"/data/transcript/{session_id}")).json()["summary"] == ""
    assert (await clinic.get("/data/pending")).json()[0]["summaryPreview"] == ""


FILE_NAMES = [
    "../../x",
    "/etc/passwd",
    "..\\..\\x.wav",
    "con.wav",
    "a" * 1_000,
    "קובץ.wav",
    "%2e%2e%2fx",
    "",
]


@pytest.mark.parametrize("name", FILE_NAMES)
async def test_a_file_name_is_nothing_but_data(clinic, name):
    answer = await clinic.upload(file_name=name)
    assert answer.status_code == 202, answer.text
    session = await clinic.records.sessions.load(PRACTICE, answer.json()["session_id"])
    assert session.recording.file_name in {name[:255], ""}
    files = [
        str(each.relative_to(clinic.settings.data_dir))
        for each in files_below(clinic.settings.data_dir)
    ]
    assert not [each for each in files if "passwd" in each or each.endswith("/x")]
    assert left(clinic)["kept"] == [f"kept/{PRACTICE}/{session.recording.key}.audio"]
    recording = await clinic.get(f"/sessions/{session.id}/recording")
    assert "passwd" not in str(recording.headers)


async def test_an_exe_that_holds_a_wav_is_told_by_its_content(clinic):
    answer = await clinic.upload(file_name="virus.exe", content_type="application/x-msdownload")
    assert answer.status_code == 202
    session = await clinic.records.sessions.load(PRACTICE, answer.json()["session_id"])
    assert session.recording.media_type == "audio/wav"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["m4a", "mp3", "ogg", "webm", "flac", "wav stereo", "wav 8 kHz"])
async def test_other_recordings_are_taken_in_whatever_they_are_called(clinic, name):
    answer = await clinic.upload(media.recording(name, 1.0), content_type="text/plain")
    assert answer.status_code == 202
    await clinic.work()
    assert (await clinic.get(f"/data/transcript/{answer.json()['session_id']}")).status_code == 200


def told(**changes):
    return json.dumps(metadata_of(**changes)).encode()


HALVES = {
    b"A \\ud800": "A \ufffd",
    b"\\udc00\\ud800": "\ufffd\ufffd",
    b"\\ud83d\\ude00 \\uD83D": "😀 \ufffd",
    b"\xed\xa0\x80": "\ufffd",
    b"\\\\ud800 \\ud800": "\\ud800 \ufffd",
}


@pytest.mark.parametrize(("raw", "read"), HALVES.items())
async def test_half_a_surrogate_pair_becomes_a_replacement_character(clinic, raw, read):
    body = told(summary="HERE").replace(b"HERE", raw)
    session_id = (await clinic.upload(metadata=body)).json()["session_id"]
    session = await clinic.records.sessions.load(PRACTICE, session_id)
    assert session.details.summary == read
    inner = json.dumps(raw.decode("latin-1"))[1:-1].encode("latin-1") if raw[0] < 128 else raw
    inside = told(patient='{"id": "1", "name": "HERE"}').replace(b"HERE", inner)
    answer = await clinic.upload(a_wav(SOUND * 2), inside)
    assert (
        await clinic.records.sessions.load(PRACTICE, answer.json()["session_id"])
    ).details.patient.name == read
    corrected = await clinic.ask(
        "PATCH", f"/sessions/{session_id}", content=b'{"summary": "' + raw + b' again"}'
    )
    assert corrected.json()["summary"] == f"{read} again"


async def test_a_byte_order_mark_is_no_part_of_the_json(clinic):
    mark = b"\xef\xbb\xbf"
    answer = await clinic.upload(metadata=mark + told(patient="\ufeff" + metadata_of()["patient"]))
    path = f"/sessions/{answer.json()['session_id']}"
    corrected = await clinic.ask("PATCH", path, content=mark + b'{"summary": "Better."}')
    assert corrected.json()["summary"] == "Better."
    bad = await clinic.ask("PATCH", path, content=mark + b'{"summary": 1}')
    check_problem(bad, 400, field="summary")


@pytest.mark.parametrize(
    ("person", "metadata", "status"),
    [(JORDAN, metadata_of(), 403), (ALEX, metadata_of(), 403), (None, metadata_of(), 401)],
    ids=["patient", "another therapist", "nobody"],
)
async def test_who_may_not_upload_leaves_nothing(clinic, person, metadata, status):
    check_problem(await clinic.upload(metadata=metadata, person=person), status)
    assert left(clinic) == NOTHING


def part(name: str, content: bytes = b"x") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n"


MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

BODIES = {
    "no audio": (form(None, metadata_of()), "audio_file"),
    "no metadata": (form(a_wav(SOUND), None), "metadata"),
    "no parts": (f"--{BOUNDARY}--\r\n".encode(), "audio_file"),
    "audio twice": (
        part("audio_file", a_wav(SOUND)) + form(a_wav(SOUND), metadata_of()),
        "audio_file",
    ),
    "a part without a name": (form(a_wav(SOUND), metadata_of(), more=part("")), "body"),
    "not ended": (form(a_wav(SOUND), metadata_of())[:-6], "body"),
    "no multipart": (b"nothing of that kind", "body"),
    "empty": (b"", "body"),
    "a bad header": (f"--{BOUNDARY}\r\n\xff\r\n\r\n".encode("latin-1"), "body"),
}


@pytest.mark.parametrize(("body", "field"), BODIES.values(), ids=BODIES)
async def test_a_body_that_is_no_upload_is_refused(clinic, body, field):
    answer = await clinic.post("/sessions/upload", content=body, headers=MULTIPART)
    check_problem(answer, 400, field=field)
    assert left(clinic) == NOTHING


TYPES = [
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "text/plain",
    "",
    "a/b; ;=;",
]


@pytest.mark.parametrize("kind", [*TYPES, "multipart/mixed; boundary=x"])
async def test_a_body_of_another_type_is_refused(clinic, kind):
    answer = await clinic.post("/sessions/upload", content=b"{}", headers={"Content-Type": kind})
    check_problem(answer, 415, "unsupported_media_type")
    assert left(clinic) == NOTHING


async def test_fields_that_only_another_program_knows_are_ignored(clinic):
    extra = part("extra", bytes(3_000_000)) + part("extra")
    body = extra + form(a_wav(SOUND), metadata_of(), more=extra)
    answer = await clinic.post("/sessions/upload", content=body, headers=MULTIPART)
    assert answer.status_code == 202
    session = await clinic.records.sessions.load(PRACTICE, answer.json()["session_id"])
    assert session.recording.size == len(a_wav(SOUND))


async def test_fields_that_are_ignored_have_a_limit(clinic):
    body = part("extra", bytes(MULTIPART_ROOM + 1)) + form(a_wav(SOUND), metadata_of())
    check_problem(
        await clinic.post("/sessions/upload", content=body, headers=MULTIPART), 413, "too_large"
    )
    assert left(clinic) == NOTHING


HEBREW_NAME = "הקלטה " * 40


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (f"filename*=UTF-8''{quote(HEBREW_NAME)}".encode(), HEBREW_NAME.rstrip()[:255]),
        (f'filename="{HEBREW_NAME}"'.encode(), HEBREW_NAME),
        (b'filename="Gespr\xe4ch.wav"', "Gespräch.wav"),
    ],
    ids=["encoded, over 2,048 bytes", "UTF-8", "Latin-1"],
)
async def test_file_names_are_taken_however_they_are_written(clinic, disposition, name):
    body = form(a_wav(SOUND), metadata_of(), file_name="HERE").replace(
        b'filename="HERE"', disposition
    )
    answer = await clinic.post("/sessions/upload", content=body, headers=MULTIPART)
    session = await clinic.records.sessions.load(PRACTICE, answer.json()["session_id"])
    assert session.recording.file_name.strip() == name.strip()


async def test_a_compressed_request_is_refused_with_the_reason(clinic):
    body = gzip.compress(form(a_wav(SOUND), metadata_of()))
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Encoding": "gzip",
    }
    answer = await clinic.post("/sessions/upload", content=body, headers=headers)
    assert "compressed" in check_problem(answer, 415, "compressed_body")["error"]
    answer = await clinic.post("/auth/login", None, content=gzip.compress(b"{}"), headers=headers)
    check_problem(answer, 415, "compressed_body")
    assert left(clinic) == NOTHING


@pytest.mark.parametrize("audio", [a_wav(SOUND), b"x"])
async def test_a_compressed_recording_is_refused_by_name(clinic, audio):
    problem = check_problem(await clinic.upload(gzip.compress(audio)), 415, "compressed_audio")
    assert "gzip" in problem["error"]
    assert left(clinic) == NOTHING


async def test_too_many_parts_and_headers_are_refused(clinic):
    long = f"--{BOUNDARY}\r\nX-Long: {'x' * 50_000}\r\n\r\n\r\n--{BOUNDARY}--\r\n".encode()
    answer = await clinic.post("/sessions/upload", content=long, headers=MULTIPART)
    check_problem(answer, 413)
    assert left(clinic) == NOTHING


async def test_the_first_bytes_are_looked_at_however_they_arrive(clinic):

    async def byte_by_byte(content):
        for at in range(len(content)):
            yield content[at : at + 1]

    body = form(a_wav(SOUND[: SNIFF_BYTES // 2]), metadata_of())  # its last line's end comes alone
    answer = await clinic.post("/sessions/upload", content=byte_by_byte(body), headers=MULTIPART)
    assert answer.status_code == 202


async def test_stores_that_fail_in_mid_upload_leave_nothing_after_the_next_sweep(clinic):
    recordings = clinic.installation.recordings
    keep, recordings.keep = recordings.keep, _unavailable
    check_problem(await clinic.upload(), 503, "unavailable")
    recordings.keep = keep
    await clinic.installation.sweep.once()
    assert left(clinic) == NOTHING


async def _unavailable(*_: object) -> int:
    raise Unavailable
