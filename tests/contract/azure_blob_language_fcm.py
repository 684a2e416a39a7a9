"""The azure family's part beside Cosmos and Speech: Blob storage, Language and FCM, each by its real SDK.

A container of its own for each test; the fakes are shared and begin each test with nothing seen.
"""

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from therapy.domain.outbox import PushKind
from therapy.domain.push import PushMessage


@asynccontextmanager
async def blob_language_fcm(get: Callable[[str], Any]) -> AsyncIterator[dict[str, Any]]:
    """An adapter of each port that Blob storage, the Language service and FCM serve."""
    from azure.core.exceptions import HttpResponseError
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.storage.blob.aio import ExponentialRetry

    from therapy.adapters.azure.blob.recordings import BlobRecordings
    from therapy.adapters.azure.language.client import language_client
    from therapy.adapters.azure.language.insights import LanguageInsightFinder
    from therapy.adapters.azure.language.sentiment import LanguageSentiment
    from therapy.adapters.firebase.push import FcmPushSender

    class Disk(AioHttpTransport):
        """Azure has no end; what a clinic has in its place may be full."""

        full = False

        async def send(self, request: Any, **options: Any) -> Any:
            if self.full and "comp=block&" in f"{request.url}&":
                exc = HttpResponseError("full")
                exc.status_code = 507
                raise exc
            return await super().send(request, **options)

    azurite, language, fcm, disk = get("azurite"), get("fake_language"), get("fcm"), Disk()
    blobs = BlobRecordings.open(
        f"contract-{uuid.uuid4().hex}",
        connection_string=azurite.connection_string,
        transport=disk,
        retry_policy=ExponentialRetry(retry_total=0),
    )
    async with (
        blobs as recordings,
        language_client(language.url, key=language.key) as client,
        FcmPushSender.open(account_json=json.dumps(fcm.account)) as sender,
    ):
        yield {
            "recordings": recordings,
            "sentiment": LanguageSentiment(client),
            "insights": LanguageInsightFinder(client, sleep=no_pause),
            "push": sender,
            "fill_storage": lambda: setattr(disk, "full", True),
            "sent_pushes": lambda: shown(fcm.messages),
        }


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
