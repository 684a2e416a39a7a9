"""The one private hook of firebase-admin that leads it to a stand-in.

The SDK has no setting for FCM's address. Should a release rename what is set here, the fixture says so.
"""

from collections.abc import Iterator

import pytest
from firebase_admin import messaging

from tests.emulators.fcm import FakeFcm


@pytest.fixture
def fcm(fake_fcm: FakeFcm) -> Iterator[FakeFcm]:
    """FCM, where the SDK looks for it."""
    known = messaging._MessagingService
    real = known.FCM_URL
    assert real.startswith("https://fcm.googleapis.com/"), "firebase-admin has changed"
    known.FCM_URL = fake_fcm.send_url
    yield fake_fcm
    known.FCM_URL = real
