"""Leads firebase-admin to the stand-in for FCM, in any process that finds this directory on PYTHONPATH.

The SDK has no setting for FCM's address, and the program has none for a stand-in.
"""

import os

if endpoint := os.environ.get("FCM_STAND_IN"):
    from firebase_admin import messaging

    known = messaging._MessagingService
    assert known.FCM_URL.startswith("https://fcm.googleapis.com/"), "firebase-admin has changed"
    known.FCM_URL = f"{endpoint}/v1/projects/{{0}}/messages:send"
