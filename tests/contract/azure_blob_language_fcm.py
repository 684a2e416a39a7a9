"""The azure family's part beside Cosmos and Speech: Blob storage, Language and FCM, each by its real SDK.

A container of its own for each test; the fakes are shared and begin each test with nothing seen.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from therapy.domain.outbox import PushKind
from therapy.domain.push import PushMessage
from therapy.ports.insights import InsightFinder
from therapy.ports.push import PushSender
from therapy.ports.sentiment import Sentiment

if TYPE_CHECKING:  # these need the azure or http extra
    from tests.emulators.azurite import Azurite
    from tests.emulators.fcm import FakeFcm
    from tests.emulators.language import FakeLanguage


@asynccontextmanager
async def blob_recordings(azurite: Azurite) -> AsyncIterator[dict[str, Any]]:
    """The recordings, what leaves no room for more, and what cuts them off, by the names of fixtures."""
    from azure.core.exceptions import HttpResponseError, ServiceRequestError
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.storage.blob.aio import ExponentialRetry

    from therapy.adapters.azure.blob.recordings import BlobRecordings

    class Disk(AioHttpTransport):
        """Azure has no end; what a clinic has in its place may be full."""

        full = gone = False

        async def send(self, request: Any, **options: Any) -> Any:
            if self.gone:
                raise ServiceRequestError("gone")
            if self.full and "comp=block&" in f"{request.url}&":
                exc = HttpResponseError("full")
                exc.status_code = 507
                raise exc
            return await super().send(request, **options)

    disk = Disk()
    async with BlobRecordings.open(
        f"contract-{uuid.uuid4().hex}",
        connection_string=azurite.connection_string,
        transport=disk,
        retry_policy=ExponentialRetry(retry_total=0),
    ) as recordings:
        yield {
            "recordings": recordings,
            "fill_storage": lambda: setattr(disk, "full", True),
            "cut_off": lambda: setattr(disk, "gone", True),
        }


@asynccontextmanager
async def language_sentiment(server: FakeLanguage) -> AsyncIterator[Sentiment]:
    """Scores by the Language service."""
    from therapy.adapters.azure.language.client import language_client
    from therapy.adapters.azure.language.sentiment import LanguageSentiment

    async with language_client(server.url, key=server.key) as client:
        yield LanguageSentiment(client)


@asynccontextmanager
async def language_insights(server: FakeLanguage) -> AsyncIterator[InsightFinder]:
    """Insights by the Language service, which is asked for them again and again without a pause."""
    from therapy.adapters.azure.language.client import language_client
    from therapy.adapters.azure.language.insights import LanguageInsightFinder

    async with language_client(server.url, key=server.key) as client:
        yield LanguageInsightFinder(client, sleep=no_pause)


@asynccontextmanager
async def fcm_push(fcm: FakeFcm) -> AsyncIterator[PushSender]:
    """The sender of the account whose devices these are."""
    from therapy.adapters.firebase.push import FcmPushSender

    async with FcmPushSender.open(account_json=json.dumps(fcm.account)) as sender:
        yield sender


async def no_pause(_: float) -> None:
    """Wait for nothing."""


def shown(messages: list[dict[str, Any]]) -> list[PushMessage]:
    """What the devices show: of one collapse key only what came last."""
    latest = {(each["device"], each["android"]["collapse_key"]): each for each in messages}
    return [
        PushMessage(
            id=notice_id,
            kind=PushKind(each["data"]["notification_type"]),
            title=each["notification"]["title"],
            body=each["notification"]["body"],
            session_id=each["data"].get("dataId", ""),
        )
        for (_, notice_id), each in latest.items()
    ]
