"""The fake FCM against firebase-admin 7: signing in, sending, and each answer of a device and a fault."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("firebase_admin")

import firebase_admin
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import RefreshError

from tests.emulators.faults import Fault
from tests.emulators.fcm import RESULTS, FakeFcm

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.filterwarnings("ignore:Message.token is deprecated:DeprecationWarning"),
]
NAMES = (f"app{number}" for number in itertools.count())
RAISED = {
    "UNREGISTERED": messaging.UnregisteredError,
    "SENDER_ID_MISMATCH": messaging.SenderIdMismatchError,
    "QUOTA_EXCEEDED": messaging.QuotaExceededError,
    "UNAVAILABLE": exceptions.UnavailableError,
    "INTERNAL": exceptions.InternalError,
    "INVALID_ARGUMENT": exceptions.InvalidArgumentError,
    "THIRD_PARTY_AUTH_ERROR": messaging.ThirdPartyAuthError,
}


@pytest.fixture
async def app(
    fake_fcm: FakeFcm, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[firebase_admin.App]:
    # Private, and the only way: there is no setting for the address.
    assert messaging._MessagingService.FCM_URL.startswith("https://fcm.googleapis.com/v1/")
    monkeypatch.setattr(messaging._MessagingService, "FCM_URL", fake_fcm.send_url)
    made = firebase_admin.initialize_app(
        credentials.Certificate(fake_fcm.account), name=next(NAMES)
    )
    transport = messaging._get_messaging_service(made)._async_client
    transport._retry_config.retries_left = 0
    yield made
    await asyncio.to_thread(firebase_admin.delete_app, made)


def message(device: str) -> messaging.Message:
    return messaging.Message(
        token=device,
        data={"type": "SESSION_READY"},
        android=messaging.AndroidConfig(priority="high", collapse_key="session-1"),
    )


async def test_messages_arrive_with_their_keys(app: firebase_admin.App, fake_fcm: FakeFcm) -> None:
    sent = await messaging.send_each_async([message("a"), message("b")], app=app)
    assert [one.success for one in sent.responses] == [True, True]
    assert {one["device"] for one in fake_fcm.messages} == {"a", "b"}
    assert fake_fcm.messages[0]["android"] == {"collapse_key": "session-1", "priority": "high"}
    assert {one.message_id for one in sent.responses} == {one["name"] for one in fake_fcm.messages}


@pytest.mark.parametrize("code", sorted(RESULTS))
async def test_each_result_of_a_device(
    code: str, app: firebase_admin.App, fake_fcm: FakeFcm
) -> None:
    fake_fcm.results = {"gone": code, "later": [code, "OK"]}
    sent = await messaging.send_each_async([message("gone"), message("fine")], app=app)
    assert isinstance(sent.responses[0].exception, RAISED[code])
    assert sent.responses[1].success
    assert [one["device"] for one in fake_fcm.messages] == ["fine"]


async def test_a_device_may_answer_differently_the_next_time(
    app: firebase_admin.App, fake_fcm: FakeFcm
) -> None:
    fake_fcm.results = {"later": ["QUOTA_EXCEEDED"]}
    results = [await messaging.send_each_async([message("later")], app=app) for _ in range(2)]
    assert [one.success_count for one in results] == [0, 1]


@pytest.mark.parametrize("kind", ["reset", "lost"])
async def test_a_broken_connection(kind: str, app: firebase_admin.App, fake_fcm: FakeFcm) -> None:
    fake_fcm.add(Fault("*messages:send", kind=kind))
    sent = await messaging.send_each_async([message("a")], app=app)
    assert isinstance(sent.responses[0].exception, exceptions.FirebaseError)
    assert len(fake_fcm.messages) == (1 if kind == "lost" else 0)


async def test_a_refused_token_is_told(app: firebase_admin.App, fake_fcm: FakeFcm) -> None:
    fake_fcm.add(Fault("/token", status=401, times=None))
    with pytest.raises(exceptions.UnknownError) as refused:
        await messaging.send_each_async([message("a")], app=app)
    assert isinstance(refused.value.cause, RefreshError)
    assert not fake_fcm.messages
