"""Pushes: a session's id and fixed words, nothing about anybody."""

from __future__ import annotations

import pytest

from tests.domain.builders import a_device
from therapy.domain.messages import sentence
from therapy.domain.outbox import PushDue, PushKind
from therapy.domain.push import PushMessage, push_for

CODES = ("session_ready_title", "session_ready_body", "session_failed_title", "session_failed_body")
ALLOWED = {sentence(code, language) for code in CODES for language in ("en", "he")}


def a_push(
    kind: PushKind, language: str = "en", *, token: str = "t1", item_id: str = "i1"
) -> PushMessage:
    return push_for(
        PushDue(kind, "olivia", "s1"),
        item_id=item_id,
        device=a_device(token=token),
        language=language,
    )


def test_a_finished_recording_is_told_as_the_app_reads_it():
    assert a_push(PushKind.SESSION_READY).data == {
        "notification_type": "SESSION_READY",
        "dataId": "s1",
        "title": "Recording ready",
        "body": "A recording is ready for your review.",
    }


def test_a_failed_recording_is_told_without_an_id_that_the_app_would_open():
    data = a_push(PushKind.SESSION_FAILED).data
    assert data["notification_type"] == "SESSION_FAILED"
    assert "dataId" not in data


@pytest.mark.parametrize("language", ["en", "he", "fr", ""])
@pytest.mark.parametrize("kind", PushKind)
def test_title_and_body_are_constants_in_either_language(kind, language):
    push = a_push(kind, language)
    assert {push.title, push.body} <= ALLOWED
    assert all(isinstance(value, str) for value in push.data.values())
    rest = set(push.data) - {"title", "body"}
    assert rest <= {"notification_type", "dataId"}


def test_a_repeat_has_the_same_id_and_another_device_or_event_another():
    kind = PushKind.SESSION_READY
    assert a_push(kind).id == a_push(kind, "he").id
    assert len({a_push(kind).id, a_push(kind, token="t2").id, a_push(kind, item_id="i2").id}) == 3


def test_the_id_does_not_tell_the_devices_token():
    assert "t1" not in a_push(PushKind.SESSION_READY, token="t1-secret-token").id
