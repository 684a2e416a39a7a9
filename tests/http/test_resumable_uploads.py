"""/uploads by tus 1.0.0: pieces of any length, in any order with the metadata, become one session."""

import asyncio
import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_wav
from tests.http import tus
from tests.http.clinic import (
    ALEX,
    NOA,
    NOTHING,
    SOUND,
    check_problem,
    left_behind,
    metadata_of,
    open_clinic,
)
from therapy.domain.upload import BLOCK_SIZE

RECORDING = a_wav(SOUND)
LONG = a_wav(bytes(range(256)) * (9 * 1024 * 4))
"""Nine MiB: two whole blocks and a part of one."""


@pytest.fixture
async def clinic(tmp_path: Path) -> Any:
    async with open_clinic(tmp_path) as opened:
        yield opened


async def stored(clinic: Any, session_id: str) -> bytes:
    answer = await clinic.get(f"/sessions/{session_id}/recording")
    assert answer.status_code == 200
    return answer.content


@pytest.mark.parametrize("piece", [1_000_003, BLOCK_SIZE, BLOCK_SIZE + 7, len(LONG)])
async def test_pieces_of_any_length_become_the_recording(clinic: Any, piece: int) -> None:
    path = await tus.created(clinic, len(LONG), headers=tus.said(metadata_of(), filename="a.wav"))
    for start in range(0, len(LONG), piece):
        answer = await tus.send(clinic, path, start, LONG[start : start + piece])
        assert answer.status_code == 204
        assert int(answer.headers["Upload-Offset"]) == min(start + piece, len(LONG))
    shown = (await clinic.get(path)).json()
    assert await stored(clinic, shown["session_id"]) == LONG
    left = left_behind(clinic.settings.data_dir)
    assert (left["staging"], len(left["kept"])) == ([], 1)


async def test_metadata_may_come_before_while_and_after_the_bytes(clinic: Any) -> None:
    for when in ("before", "while", "after"):
        audio = a_wav(SOUND + when.encode())
        path = await tus.created(clinic, len(audio))
        if when == "before":
            assert (await tus.describe(clinic, path)).json()["session_id"] is None
        await tus.send(clinic, path, 0, audio[:100])
        if when == "while":
            assert (await tus.describe(clinic, path)).json()["offset"] == 100
        await tus.send(clinic, path, 100, audio[100:])
        if when == "after":
            assert (await clinic.get(path)).json()["session_id"] is None
            assert (await tus.describe(clinic, path)).json()["session_id"]
        session_id = (await clinic.get(path)).json()["session_id"]
        assert await stored(clinic, session_id) == audio


async def test_of_two_pieces_at_one_offset_one_is_taken(clinic: Any) -> None:
    path = await tus.created(clinic, len(RECORDING))
    answers = await asyncio.gather(*(tus.send(clinic, path, 0, RECORDING[:500]) for _ in range(2)))
    assert sorted(each.status_code for each in answers) == [204, 409]
    assert await tus.offset_of(clinic, path) == 500
    check_problem(await tus.send(clinic, path, 0, RECORDING[:500]), 409, "upload_offset")


async def test_the_same_recording_by_either_path_is_one_session(clinic: Any) -> None:
    by_form = (await clinic.upload(LONG)).json()["session_id"]
    path = await tus.created(clinic, len(LONG), headers=tus.said(metadata_of()))
    assert (await tus.send(clinic, path, 0, LONG)).status_code == 204
    assert (await clinic.get(path)).json()["session_id"] == by_form
    assert len(left_behind(clinic.settings.data_dir)["kept"]) == 1


async def test_a_recording_may_continue_a_session(clinic: Any) -> None:
    session_id = await clinic.reviewable()
    path = await tus.created(clinic, len(RECORDING))
    await tus.describe(clinic, path, continues=session_id)
    assert (await tus.send(clinic, path, 0, RECORDING)).status_code == 204
    assert (await clinic.get(path)).json()["session_id"] == session_id
    answer = await clinic.get(f"/sessions/{session_id}/recording?part=2")
    assert answer.content == RECORDING


async def test_a_removed_upload_is_gone_and_so_are_its_bytes(clinic: Any) -> None:
    path = await tus.created(clinic, len(LONG))
    await tus.send(clinic, path, 0, LONG[: BLOCK_SIZE + 5])
    assert (await clinic.ask("DELETE", path, headers=tus.TUS)).status_code == 204
    check_problem(await clinic.get(path), 404, "not_found")
    assert left_behind(clinic.settings.data_dir) == NOTHING


async def test_a_finished_upload_that_is_removed_leaves_its_session(clinic: Any) -> None:
    path = await tus.created(clinic, len(RECORDING), headers=tus.said(metadata_of()))
    await tus.send(clinic, path, 0, RECORDING)
    session_id = (await clinic.get(path)).json()["session_id"]
    assert (await clinic.ask("DELETE", path, headers=tus.TUS)).status_code == 204
    assert await stored(clinic, session_id) == RECORDING


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_piece_with_a_wrong_checksum_is_not_taken(clinic: Any, algorithm: str) -> None:
    path = await tus.created(clinic, len(LONG), headers=tus.said(metadata_of()))
    right = b64encode(hashlib.new(algorithm, LONG).digest()).decode()
    header = {"Upload-Checksum": f"{algorithm} {right}"}
    wrong = LONG[:-1] + b"x"
    answer = await tus.send(clinic, path, 0, wrong, headers=header)
    check_problem(answer, 460, "checksum_mismatch")
    assert await tus.offset_of(clinic, path) == 0
    assert (await tus.send(clinic, path, 0, LONG, headers=header)).status_code == 204
    assert await stored(clinic, (await clinic.get(path)).json()["session_id"]) == LONG


async def test_the_first_bytes_may_come_with_the_creation(clinic: Any) -> None:
    headers = tus.PIECE | tus.said(metadata_of())
    answer = await tus.create(clinic, len(RECORDING), headers=headers, content=RECORDING[:700])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "700")
    assert answer.content == b""
    path = answer.headers["Location"]
    await tus.send(clinic, path, 700, RECORDING[700:])
    assert await stored(clinic, (await clinic.get(path)).json()["session_id"]) == RECORDING


async def test_the_length_may_be_said_later(clinic: Any) -> None:
    path = await tus.created(clinic, None, headers=tus.said(metadata_of()))
    await tus.send(clinic, path, 0, RECORDING)
    answer = await clinic.ask("HEAD", path, headers=tus.TUS)
    assert answer.headers["Upload-Defer-Length"] == "1"
    length = {"Upload-Length": str(len(RECORDING))}
    answer = await tus.send(clinic, path, len(RECORDING), b"", headers=length)
    assert answer.status_code == 204
    assert await stored(clinic, (await clinic.get(path)).json()["session_id"]) == RECORDING


async def test_options_say_what_is_spoken(clinic: Any) -> None:
    answer = await clinic.ask("OPTIONS", "/uploads", None)
    assert (answer.status_code, answer.headers["Tus-Version"]) == (204, "1.0.0")
    assert "creation-with-upload" in answer.headers["Tus-Extension"]
    assert int(answer.headers["Tus-Max-Size"]) == 2 * 1024**3


async def test_open_uploads_are_listed_page_by_page(clinic: Any) -> None:
    paths = [await tus.created(clinic, 10_000) for _ in range(3)]
    first = (await clinic.get("/uploads?limit=2")).json()
    second = (await clinic.get(f"/uploads?limit=2&after={first['next']}")).json()
    ids = [each["upload_id"] for each in (*first["items"], *second["items"])]
    assert (sorted(f"/uploads/{each}" for each in ids), second["next"]) == (sorted(paths), None)


async def test_a_stranger_sees_nothing(clinic: Any) -> None:
    path = await tus.created(clinic, len(RECORDING))
    for person in (ALEX, NOA):
        check_problem(await clinic.get(path, person), 404, "not_found")
        answer = await clinic.ask("PUT", f"{path}/metadata", person, json=metadata_of())
        check_problem(answer, 404, "not_found")
        check_problem(await tus.send(clinic, path, 0, b"x", person=person), 404, "not_found")
        answer = await clinic.ask("DELETE", path, person, headers=tus.TUS)
        check_problem(answer, 404, "not_found")
        assert (await clinic.get("/uploads", person)).json()["items"] == []


BAD_OFFSETS = ["-1", "1e3", "x", "9" * 40, "", "1.0"]


@pytest.mark.parametrize("offset", BAD_OFFSETS)
async def test_an_offset_that_is_no_number_is_refused(clinic: Any, offset: str) -> None:
    path = await tus.created(clinic, len(RECORDING))
    answer = await tus.send(clinic, path, offset, b"x")
    assert "HEAD" in check_problem(answer, 400, "invalid", "Upload-Offset")["detail"]
    assert await tus.offset_of(clinic, path) == 0


async def test_a_huge_offset_or_none_is_refused(clinic: Any) -> None:
    path = await tus.created(clinic, len(RECORDING))
    problem = check_problem(await tus.send(clinic, path, 10**14, b"x"), 409, "upload_offset")
    assert problem["offset"] == 0
    answer = await clinic.ask("PATCH", path, headers=tus.TUS | tus.PIECE, content=b"x")
    assert "HEAD" in check_problem(answer, 400, "required", "Upload-Offset")["detail"]


@pytest.mark.parametrize("is_announced", [True, False])
async def test_more_than_is_missing_is_refused_and_nothing_is_lost(
    clinic: Any, is_announced: bool
) -> None:
    async def chunked() -> Any:
        yield RECORDING[600:]
        yield b"more"

    path = await tus.created(clinic, len(RECORDING), headers=tus.said(metadata_of()))
    await tus.send(clinic, path, 0, RECORDING[:600])
    more = RECORDING[600:] + b"more" if is_announced else chunked()
    check_problem(await tus.send(clinic, path, 600, more), 400, "past_upload_length", "body")
    offset = await tus.offset_of(clinic, path)
    answer = await tus.send(clinic, path, offset, RECORDING[offset:])
    assert answer.status_code == 204
    shown = await tus.describe(clinic, path)
    assert await stored(clinic, shown.json()["session_id"]) == RECORDING


async def test_an_upload_that_was_to_begin_with_too_much_is_not_there_and_the_answer_says_so(
    clinic: Any,
) -> None:
    refused = await tus.create(clinic, 600, headers=tus.PIECE, content=RECORDING)
    check_problem(refused, 400, "past_upload_length", "body")
    assert "begin it anew" in refused.json()["detail"]
    assert (await clinic.get("/uploads")).json()["items"] == []


@pytest.mark.parametrize(
    ("headers", "code", "field"),
    [
        ({"Upload-Length": "0"}, "empty_file", "Upload-Length"),
        ({"Upload-Length": "-5"}, "invalid", "Upload-Length"),
        ({"Upload-Length": "many"}, "invalid", "Upload-Length"),
        ({}, "required", "Upload-Length"),
        ({"Upload-Defer-Length": "2"}, "invalid", "Upload-Defer-Length"),
        ({"Upload-Length": "5", "Upload-Defer-Length": "1"}, "invalid", "Upload-Defer-Length"),
        ({"Upload-Length": "5", "Upload-Metadata": "metadata ???"}, "invalid", "Upload-Metadata"),
        ({"Upload-Length": "5", "Upload-Metadata": "a eA==,a eA=="}, "invalid", "Upload-Metadata"),
        ({"Upload-Length": "5", "Upload-Metadata": "metadata e30="}, "required", "patient"),
        ({"Upload-Length": "5", "Upload-Metadata": "metadata W10="}, "metadata", "metadata"),
    ],
)
async def test_an_upload_that_makes_no_sense_is_not_begun(
    clinic: Any, headers: dict[str, str], code: str, field: str
) -> None:
    answer = await clinic.post("/uploads", headers=tus.TUS | headers)
    problem = check_problem(answer, 400, code, field)
    assert not problem["detail"].startswith("What each field holds")
    assert left_behind(clinic.settings.data_dir) == NOTHING


async def test_what_is_too_large_is_refused_at_once(clinic: Any) -> None:
    answer = await tus.create(clinic, 2 * 1024**3 + 1)
    assert check_problem(answer, 413, "too_large")["limit"] == 2 * 1024**3


async def test_other_metadata_are_refused_and_the_same_are_not(clinic: Any) -> None:
    path = await tus.created(clinic, len(RECORDING))
    assert (await tus.describe(clinic, path)).status_code == 200
    assert (await tus.describe(clinic, path)).status_code == 200
    check_problem(await tus.describe(clinic, path, summary="else"), 409, "metadata_differs")
    await tus.send(clinic, path, 0, RECORDING)
    again = await tus.describe(clinic, path)
    assert again.json()["session_id"]
    check_problem(await tus.describe(clinic, path, summary="else"), 409, "metadata_differs")


async def test_an_upload_that_can_be_no_session_says_so_and_is_mended(clinic: Any) -> None:
    session_id = (await clinic.upload(RECORDING)).json()["session_id"]
    path = await tus.created(clinic, len(RECORDING))
    await tus.send(clinic, path, 0, RECORDING)
    answer = await tus.describe(clinic, path, summary="else")
    assert check_problem(answer, 409, "duplicate_recording")["session"] == session_id
    shown = (await clinic.get(path)).json()
    assert (shown["problem"], shown["session_id"]) == ("duplicate_recording", None)
    assert (await tus.describe(clinic, path)).json()["session_id"] == session_id


@pytest.mark.parametrize("content", [b"%PDF-1.7" + bytes(200), b"%PDF-1.7" + bytes(200_000)])
async def test_what_is_no_audio_is_refused_with_its_first_bytes(
    clinic: Any, content: bytes
) -> None:
    path = await tus.created(clinic, len(content))
    check_problem(await tus.send(clinic, path, 0, content), 415, "unsupported_audio")
    assert await tus.offset_of(clinic, path) == 0
    headers = tus.PIECE
    answer = await tus.create(clinic, len(content), headers=headers, content=content)
    check_problem(answer, 415, "unsupported_audio")
    assert len((await clinic.get("/uploads")).json()["items"]) == 1


async def test_another_version_of_tus_is_refused(clinic: Any) -> None:
    path = await tus.created(clinic, len(RECORDING))
    for method, where in (("POST", "/uploads"), ("PATCH", path), ("DELETE", path)):
        headers = {"Tus-Resumable": "0.2.2", "Upload-Offset": "0", "Upload-Length": "5"}
        answer = await clinic.ask(method, where, headers=headers)
        check_problem(answer, 412, "tus_version")
        assert answer.headers["Tus-Version"] == "1.0.0"
    assert (await clinic.ask("HEAD", path)).status_code == 412


async def test_a_body_of_another_type_is_refused(clinic: Any) -> None:
    path = await tus.created(clinic, len(RECORDING))
    answer = await tus.send(clinic, path, 0, b"x", headers={"Content-Type": "audio/wav"})
    check_problem(answer, 415, "offset_content_type")


@pytest.mark.parametrize("checksum", ["md5 Kq5s", "sha1", "sha1 ???", "", "crc32 AAAA"])
async def test_a_checksum_that_is_not_known_is_refused(clinic: Any, checksum: str) -> None:
    path = await tus.created(clinic, len(RECORDING))
    answer = await tus.send(clinic, path, 0, b"x", headers={"Upload-Checksum": checksum})
    assert answer.status_code in {400, 460}
    assert await tus.offset_of(clinic, path) == 0


async def test_too_many_unfinished_uploads_are_refused(tmp_path: Path) -> None:
    async with open_clinic(tmp_path, environment={"THERAPY_UNFINISHED_UPLOADS": "2"}) as few:
        paths = [await tus.created(few, 100) for _ in range(2)]
        answer = await tus.create(few, 100)
        check_problem(answer, 429, "too_many_unfinished")
        assert answer.headers["Retry-After"]
        await few.ask("DELETE", paths[0], headers=tus.TUS)
        await tus.created(few, 100)


async def test_a_day_s_bytes_are_counted_while_they_come(tmp_path: Path) -> None:
    limit = str(len(RECORDING) + 100)
    async with open_clinic(tmp_path, environment={"THERAPY_UPLOAD_BYTES_A_DAY": limit}) as few:
        check_problem(await tus.create(few, len(RECORDING) * 2), 429, "daily_bytes")
        path = await tus.created(few, None)
        await tus.send(few, path, 0, RECORDING)
        answer = await tus.send(few, path, len(RECORDING), bytes(200))
        check_problem(answer, 429, "daily_bytes")
        assert await tus.offset_of(few, path) == len(RECORDING)


async def test_nothing_that_was_said_is_sent_back_or_logged(
    clinic: Any, caplog: pytest.LogCaptureFixture
) -> None:
    headers = tus.said(metadata_of(summary="CANARY-PHI-123"), filename="CANARY-PHI-123.wav")
    answer = await tus.create(clinic, len(RECORDING), headers=headers)
    path = answer.headers["Location"]
    answers = [answer, await clinic.ask("HEAD", path, headers=tus.TUS), await clinic.get(path)]
    answers.append(await tus.send(clinic, path, 0, RECORDING))
    told = json.dumps([[each.text, dict(each.headers)] for each in answers])
    for secret in ("CANARY-PHI-123", b64encode(b"CANARY-PHI-123").decode()[:-2]):
        assert secret not in told + caplog.text
