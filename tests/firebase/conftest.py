"""FCM's stand-in, for the tests of what only pushes by FCM do."""

from collections.abc import AsyncIterator
from json import dumps

import pytest
from firebase_admin import messaging
from requests.adapters import HTTPAdapter

from tests.emulators.fcm import FakeFcm
from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name
from tests.firebase.hook import fcm  # noqa: F401 - a fixture, found by name
from therapy.adapters.firebase.push import FcmPushSender


@pytest.fixture
async def sender(fcm: FakeFcm) -> AsyncIterator[FcmPushSender]:  # noqa: F811 - the fixture above
    """Pushes that go there; the SDK's own second tries, which take seconds, are left out."""
    async with FcmPushSender.open(account_json=dumps(fcm.account)) as opened:
        client = messaging._get_messaging_service(opened._app)._client
        client.session.mount("http://", HTTPAdapter(max_retries=0))
        yield opened
