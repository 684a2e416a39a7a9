"""Pushes through Firebase Cloud Messaging (HTTP v1), to one device at a time.

The SDK's synchronous `send` runs in a few threads of ours. Its async version fetches the OAuth token by a
blocking call inside the event loop, and leaves connections of our loop to be closed in another one.

The service account needs one permission, `cloudmessaging.messages.create`: nothing but sending is called.
"""

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

import firebase_admin
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import GoogleAuthError
from urllib3.connection import HTTPConnection

from therapy.adapters.firebase.errors import Verdict, reason_of, stays_refused, verdict_of
from therapy.adapters.firebase.project_alert import ProjectAlert
from therapy.adapters.keep_alive import KEEP_ALIVE_SECONDS, keep_alive_options
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

    A device of another project is gone only if this project has reached a device before, in this process:
    until then the key may be the wrong one, which is so for every device.
    """

    def __init__(
        self, app: firebase_admin.App, threads: ThreadPoolExecutor, project: str = ""
    ) -> None:
        self._app = app
        self._threads = threads
        self._alert = ProjectAlert(project)
        self._has_reached_one = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        project_id: str = "",
        account_json: str = "",
        account_path: str = "",
        keep_alive: float = KEEP_ALIVE_SECONDS,
    ) -> AsyncIterator["FcmPushSender"]:
        """Yield the sender, opened with a service account's JSON, else its file, else the machine's identity.

        Its connections send TCP probes after `keep_alive` seconds without traffic.

        Raises:
            InvalidInput: the service account can't be read.
        """
        send_probes(keep_alive)
        options: dict[str, object] = {"httpTimeout": TIMEOUT}
        if project_id:
            options["projectId"] = project_id
        proof = _credential(account_json, account_path)
        app = firebase_admin.initialize_app(proof, options, name=f"therapy-{uuid.uuid4().hex}")
        threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fcm")
        try:
            if isinstance(proof, credentials.Certificate):
                project_id = project_id or str(proof.project_id)
            yield cls(app, threads, project_id)
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
            if self._is_gone(verdict_of(exc), reason_of(exc)):
                return False
            # The texts of FCM's errors may quote the message or the token: they are not passed on.
            raise Unavailable(dependency="push", reason=reason_of(exc)) from None
        except GoogleAuthError as exc:  # no OAuth token: a wrong key, or no connection
            reason = type(exc).__name__
            if stays_refused(exc):
                self._alert.refused(reason)
            raise Unavailable(dependency="push", reason=reason) from None
        self._has_reached_one = True
        self._alert.accepted()
        return True

    def _is_gone(self, verdict: Verdict, reason: str) -> bool:
        """Return whether a failure is the device's own; alert an operator if it is the project's."""
        others = verdict is Verdict.OTHER_PROJECT and not self._has_reached_one
        if verdict is Verdict.PROJECT or others:
            self._alert.refused(reason)
        return verdict is Verdict.GONE or (verdict is Verdict.OTHER_PROJECT and not others)


def send_probes(after: float) -> None:
    """Have new connections of `requests` send TCP keep-alive probes after so many seconds without traffic.

    Pushes are rare, so that most find their connection idle; one that a network has forgotten costs TIMEOUT,
    for the token and again for the push. Neither SDK has a setting for it: both open connections with
    urllib3's list of defaults, which is that of the whole process.
    """
    probes = [
        (socket.IPPROTO_TCP, option, value) for option, value in keep_alive_options(after).items()
    ]
    ours = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *probes]
    replaced = {each[:2] for each in ours}
    defaults = HTTPConnection.default_socket_options
    assert isinstance(defaults, list)  # noqa: S101 - urllib3 documents it as one to add to
    defaults[:] = [*(each for each in defaults if each[:2] not in replaced), *ours]


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
