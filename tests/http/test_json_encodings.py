"""Metadata in other encodings than UTF-8 without a byte order mark, as some clients write JSON."""

import json

import pytest

from tests.builders import PRACTICE
from tests.http.clinic import check_problem, metadata_of


def json_of(**fields):
    return json.dumps(metadata_of(**fields), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "raw",
    [
        json_of(summary="שלום").decode().encode("utf-16"),
        json_of(summary="שלום").decode().encode("utf-16-be"),
        json_of(summary="שלום").decode().encode("utf-32-le"),
        b"\r\n \xef\xbb\xbf\xef\xbb\xbf " + json_of(summary="שלום"),
        json_of(summary="HERE").decode().replace("HERE", "שלום").encode("utf-16-le"),
    ],
)
async def test_json_in_utf16_and_a_byte_order_mark_behind_blanks_are_read(clinic, raw):
    answer = await clinic.upload(metadata=raw)
    session = await clinic.records.sessions.load(PRACTICE, answer.json()["session_id"])
    assert session.details.summary == "שלום"


@pytest.mark.parametrize("raw", [b"{\0", b"\xff\xfe{", b"\xff\xfe\x00\xd8", b"\0\0\xfe\xff", b"\0"])
async def test_what_only_looks_like_utf16_is_refused(clinic, raw):
    check_problem(await clinic.upload(metadata=raw), 400, "metadata")
