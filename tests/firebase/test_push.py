"""What pushes by FCM do beyond the port's contract: the real SDK, a fake service."""

import asyncio
import inspect
import json
import time
from pathlib import Path
from typing import Any

import pytest
from firebase_admin import exceptions, messaging

from tests.builders import PRACTICE, a_device, a_push
from tests.emulators.faults import Fault
from tests.emulators.fcm import FakeFcm
from tests.tcp_probes import seconds_to_probes
from therapy.adapters.firebase.errors import CLASSES, Verdict, verdict_of
from therapy.adapters.firebase.push import FcmPushSender
from therapy.domain.errors import InvalidInput, Unavailable
from therapy.domain.outbox import PushKind

SEND = "*messages:send"
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


async def test_the_app_gets_what_the_contract_says(fcm: FakeFcm, sender: FcmPushSender) -> None:
    push = a_push(title="Recording ready", body="הקלטה ממתינה לסקירה שלך.")
    assert await sender.send(PRACTICE, a_device(token="phone"), push) is True
    (message,) = fcm.messages
    assert message["token"] == "phone"
    assert message["notification"] == {"title": push.title, "body": push.body}
    assert message["data"] == {
        "notification_type": "SESSION_READY",
        "dataId": push.session_id,
        "title": push.title,
        "body": push.body,
    }


async def test_a_failure_names_no_session(fcm: FakeFcm, sender: FcmPushSender) -> None:
    push = a_push(kind=PushKind.SESSION_FAILED)
    await sender.send(PRACTICE, a_device(), push)
    (message,) = fcm.messages
    assert message["data"]["notification_type"] == "SESSION_FAILED"
    assert "dataId" not in message["data"]
    assert push.session_id not in json.dumps(message)


async def test_it_is_urgent_and_replaces_itself(fcm: FakeFcm, sender: FcmPushSender) -> None:
    push = a_push()
    for _ in range(2):
        await sender.send(PRACTICE, a_device(), push)
    first, second = ({**message, "name": ""} for message in fcm.messages)
    assert first == second
    assert first["android"]["priority"] == "high"
    assert first["android"]["collapse_key"] == push.id
    assert first["android"]["notification"]["tag"] == push.id
    assert first["apns"]["headers"] == {"apns-collapse-id": push.id, "apns-priority": "10"}
    assert len(push.id.encode()) <= 64, "what Apple takes as a collapse id"


@pytest.mark.parametrize("result", ["UNREGISTERED", "INVALID_ARGUMENT"])
async def test_a_device_that_is_gone_is_told_and_no_other(
    fcm: FakeFcm, sender: FcmPushSender, result: str
) -> None:
    fcm.results = {"gone": result}
    assert await sender.send(PRACTICE, a_device(token="gone"), a_push()) is False
    assert await sender.send(PRACTICE, a_device(token="here"), a_push()) is True


async def test_no_token_is_no_device(fcm: FakeFcm, sender: FcmPushSender) -> None:
    assert await sender.send(PRACTICE, a_device(token=""), a_push()) is False
    assert fcm.calls == []


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(SEND, status=status) for status in (401, 429, 500, 502, 503)),
        Fault(SEND, kind="reset"),
        Fault("/token", status=401),
        Fault("/token", status=503, times=None),
        Fault("/token", kind="reset", times=None),
    ],
    ids=lambda fault: f"{fault.on}-{fault.kind}-{fault.status}",
)
async def test_what_is_not_about_the_device_is_tried_again_later(
    fcm: FakeFcm, sender: FcmPushSender, fault: Fault
) -> None:
    fcm.add(Fault(fault.on, fault.kind, fault.status, times=None))
    with pytest.raises(Unavailable) as caught:
        await sender.send(PRACTICE, a_device(token="phone"), a_push())
    assert "phone" not in str(caught.value)
    fcm.faults.clear()
    assert await sender.send(PRACTICE, a_device(token="phone"), a_push()) is True


@pytest.mark.parametrize("status", [403, 404])
async def test_a_wrong_project_forgets_no_device(
    fcm: FakeFcm, sender: FcmPushSender, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {"error": {"code": status, "message": "no", "status": "NO"}}

    def refusal(status: int, code: str = "", message: str = "") -> Any:
        from aiohttp import web

        return web.json_response(plain, status=status)

    monkeypatch.setattr(fcm, "refusal", refusal)
    fcm.add(Fault(SEND, status=status))
    with pytest.raises(Unavailable):
        await sender.send(PRACTICE, a_device(), a_push())


@pytest.mark.parametrize(
    ("details", "gone"),
    [
        ([{"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}], True),
        ([{"@type": BAD_REQUEST, "fieldViolations": [{"field": "message.token"}]}], True),
        (
            [
                {"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"},
                {"@type": BAD_REQUEST, "fieldViolations": [{"field": "message.data[0].value"}]},
            ],
            False,
        ),
        ([{"@type": BAD_REQUEST}], False),
        ([], False),
        (["nonsense"], False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_a_malformed_token_is_told_from_a_malformed_message(details: Any, gone: bool) -> None:
    class Answer:
        def json(self) -> Any:
            return {"error": {"details": details}}

    exc = exceptions.InvalidArgumentError("m", http_response=Answer())
    assert (verdict_of(exc) is Verdict.GONE) is gone


@pytest.mark.parametrize("answer", [None, b"<html>"])
def test_an_answer_that_says_nothing_forgets_no_device(answer: bytes | None) -> None:
    import requests

    response = None
    if answer is not None:
        response = requests.Response()
        response._content = answer
    error = exceptions.InvalidArgumentError("m", http_response=response)
    assert verdict_of(error) is Verdict.PROJECT


async def test_the_event_loop_goes_on_while_the_token_is_slow(
    fcm: FakeFcm, sender: FcmPushSender
) -> None:
    fcm.add(Fault("/token", kind="slow", seconds=0.5))
    beats = 0
    sending = asyncio.ensure_future(sender.send(PRACTICE, a_device(), a_push()))
    start = time.monotonic()
    while not sending.done():
        await asyncio.sleep(0.02)
        beats += 1
    assert await sending is True
    assert time.monotonic() - start >= 0.5
    assert beats >= 5


async def test_the_token_is_fetched_once_for_many_pushes(
    fcm: FakeFcm, sender: FcmPushSender
) -> None:
    for token in ("a", "b", "c"):
        await sender.send(PRACTICE, a_device(token=token), a_push())
    assert [call["path"] for call in fcm.calls].count("/token") == 1


async def test_connections_for_token_and_pushes_send_probes_while_they_are_idle(
    fcm: FakeFcm,
) -> None:
    async with FcmPushSender.open(account_json=json.dumps(fcm.account), keep_alive=100) as sender:
        assert await sender.send(PRACTICE, a_device(), a_push()) is True
        async with asyncio.timeout(60):  # one for the token, one for pushes; others' are there, too
            while sum(60 < each <= 100 for each in seconds_to_probes(fcm.port)) < 2:  # noqa: ASYNC110 - the system sets no event
                await asyncio.sleep(0.02)


async def test_an_account_may_be_a_file(fcm: FakeFcm, tmp_path: Path) -> None:
    path = fcm.write_account(tmp_path / "account.json")
    async with FcmPushSender.open(account_path=str(path)) as sender:
        assert await sender.send(PRACTICE, a_device(), a_push()) is True


async def test_the_machines_own_account_will_do(
    fcm: FakeFcm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fcm.write_account(tmp_path / "account.json")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    async with FcmPushSender.open(project_id=fcm.project) as sender:
        assert await sender.send(PRACTICE, a_device(), a_push()) is True


async def test_two_may_be_open_at_once_and_both_close(fcm: FakeFcm) -> None:
    account = json.dumps(fcm.account)
    async with FcmPushSender.open(account_json=account) as one:
        async with FcmPushSender.open(account_json=account) as other:
            assert await other.send(PRACTICE, a_device(), a_push()) is True
        assert await one.send(PRACTICE, a_device(), a_push()) is True


@pytest.mark.parametrize(
    "account", ["{", "[]", '{"type": "user", "private_key": "secret"}', '{"type": 1}']
)
async def test_an_account_that_is_none_is_refused_and_not_quoted(account: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        async with FcmPushSender.open(account_json=account):
            pass
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_missing_account_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        async with FcmPushSender.open(account_path=str(tmp_path / "none.json")):
            pass


def test_every_exception_of_the_sdk_is_mapped() -> None:
    found = {
        each
        for module in (exceptions, messaging)
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, Exception)
    }
    assert found - set(CLASSES) == set()
    assert set(CLASSES) - found == set()
