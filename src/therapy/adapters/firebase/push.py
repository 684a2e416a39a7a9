"""Pushes through Firebase Cloud Messaging (HTTP v1), to one device at a time.

The SDK's synchronous `send` runs in a few threads of ours. Its async version fetches the OAuth token by a
blocking call inside the event loop, and leaves connections of our loop to be closed in another one.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

import firebase_admin
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import GoogleAuthError

from therapy.adapters.firebase.errors import is_gone
from therapy.domain.errors import InvalidInput, Unavailable
from therapy.domain.people import Device
from therapy.domain.push import PushMessage
from therapy.ports.push import PushSender

TIMEOUT = 10
"""Seconds for one request; the SDK itself repeats 500 and 503 up to five times."""

AT_ONCE = 4
"""Pushes sent at the same time; others wait their turn."""


class FcmPushSender(PushSender):
    """Sends pushes through one Firebase app.

    A push that is sent again replaces the earlier one: by the collapse key while it is under way, by the
    tag (Android) and the collapse id (iOS) once it is shown. FCM keeps at most four collapse keys for a
    device that is offline, which then shows only four of its pushes when it is back.
    """

    def __init__(self, app: firebase_admin.App, threads: ThreadPoolExecutor) -> None:
        self._app = app
        self._threads = threads

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, project_id: str = "", account_json: str = "", account_path: str = ""
    ) -> AsyncIterator["FcmPushSender"]:
        """Yield the sender, opened with a service account's JSON, else its file, else the machine's identity.

        Raises:
            InvalidInput: the service account can't be read.
        """
        options: dict[str, object] = {"httpTimeout": TIMEOUT}
        if project_id:
            options["projectId"] = project_id
        proof = _credential(account_json, account_path)
        app = firebase_admin.initialize_app(proof, options, name=f"therapy-{uuid.uuid4().hex}")
        threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fcm")
        try:
            yield cls(app, threads)
        finally:
            # Both may block, and the latter runs an event loop of its own.
            await asyncio.to_thread(threads.shutdown)
            await asyncio.to_thread(firebase_admin.delete_app, app)

    async def send(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        device: Device,
        push: PushMessage,
    ) -> bool:
        if not device.token:
            return False
        send = partial(messaging.send, message_for(device, push), app=self._app)
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, send)
        except exceptions.FirebaseError as exc:
            if is_gone(exc):
                return False
            # The texts of FCM's errors may quote the message or the token: they are not passed on.
            raise Unavailable(reason=exc.code) from None
        except GoogleAuthError as exc:  # no OAuth token: a wrong key, or no connection
            raise Unavailable(reason=type(exc).__name__) from None
        return True


def message_for(device: Device, push: PushMessage) -> messaging.Message:
    """Return the message in the form that the published app understands."""
    message = messaging.Message(
        notification=messaging.Notification(title=push.title, body=push.body),
        data=push.data,
        android=messaging.AndroidConfig(
            collapse_key=push.id,
            priority="high",
            notification=messaging.AndroidNotification(tag=push.id),
        ),
        apns=messaging.APNSConfig(headers={"apns-collapse-id": push.id, "apns-priority": "10"}),
    )
    # Set afterwards: the constructor warns that installation ids replace tokens, but the published app
    # registers with a token, and FCM still accepts it.
    message.token = device.token
    return message


def _credential(account_json: str, account_path: str) -> credentials.Base:
    try:
        if account_json:
            return credentials.Certificate(json.loads(account_json))
        if account_path:
            return credentials.Certificate(account_path)
    except (ValueError, OSError):  # their texts may quote the key
        raise InvalidInput("service_account") from None
    return credentials.ApplicationDefault()
