"""Pushes: a session's id and fixed words, nothing about anybody."""

from __future__ import annotations

import pytest

from tests.domain.builders import a_device
from therapy.domain.notice import Notice, notice_for
from therapy.domain.outbox import NoticeDue, NoticeKind
from therapy.domain.texts import PUSH_CODES, sentence

ALLOWED = {sentence(code, language) for code in PUSH_CODES for language in ("en", "he")}


def a_notice(
    kind: NoticeKind, language: str = "en", *, token: str = "t1", item_id: str = "i1"
) -> Notice:
    return notice_for(
        NoticeDue(kind, "olivia"),
        item_id=item_id,
        session_id="s1",
        device=a_device(token=token),
        language=language,
    )


def test_a_finished_recording_is_told_as_the_app_reads_it():
    assert a_notice(NoticeKind.SESSION_READY).data == {
        "notification_type": "SESSION_READY",
        "dataId": "s1",
        "title": "Recording ready",
        "body": "A recording is ready for your review.",
    }


def test_a_failed_recording_is_told_without_an_id_that_the_app_would_open():
    data = a_notice(NoticeKind.SESSION_FAILED).data
    assert data["notification_type"] == "SESSION_FAILED"
    assert "dataId" not in data


@pytest.mark.parametrize("language", ["en", "he", "fr", ""])
@pytest.mark.parametrize("kind", NoticeKind)
def test_title_and_body_are_constants_in_either_language(kind, language):
    notice = a_notice(kind, language)
    assert {notice.title, notice.body} <= ALLOWED
    assert all(isinstance(value, str) for value in notice.data.values())
    rest = set(notice.data) - {"title", "body"}
    assert rest <= {"notification_type", "dataId"}


def test_a_repeat_has_the_same_id_and_another_device_or_event_another():
    kind = NoticeKind.SESSION_READY
    assert a_notice(kind).id == a_notice(kind, "he").id
    assert (
        len({a_notice(kind).id, a_notice(kind, token="t2").id, a_notice(kind, item_id="i2").id})
        == 3
    )


def test_the_id_does_not_tell_the_devices_token():
    assert "t1" not in a_notice(NoticeKind.SESSION_READY, token="t1-secret-token").id
