"""Pushes through Firebase Cloud Messaging."""

from __future__ import annotations

import json
import os
from functools import cache

import firebase_admin
from firebase_admin import credentials, messaging

from benchmarks.reference import settings
from benchmarks.reference.clients import DEVICES, rows

TITLE, BODY = "Session ready", "A transcript is waiting for your review."


@cache
def _application() -> firebase_admin.App:
    if stand_in := os.environ.get("FCM_STAND_IN"):  # the SDK has no setting for the address
        messaging._MessagingService.FCM_URL = stand_in + "/v1/projects/{0}/messages:send"  # noqa: SLF001 - see above
    account = json.loads(settings.required("FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT"))
    return firebase_admin.initialize_app(credentials.Certificate(account))


def session_ready(therapist_id: str, session_id: str) -> int:
    """Send a push to each of the therapist's devices; return how many there are."""
    devices = rows(DEVICES, "SELECT c.token FROM c", partition=therapist_id)
    data = {
        "notification_type": "SESSION_READY",
        "dataId": session_id,
        "title": TITLE,
        "body": BODY,
    }
    for device in devices:
        notification = messaging.Notification(title=TITLE, body=BODY)
        message = messaging.Message(notification=notification, data=data, token=device["token"])
        messaging.send(message, app=_application())
    return len(devices)
