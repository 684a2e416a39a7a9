"""The clients of Azure, one of each per process, created at their first use: after the fork."""

from __future__ import annotations

from functools import cache
from typing import Any

from azure.ai.textanalytics import TextAnalyticsClient
from azure.core.credentials import AzureKeyCredential
from azure.cosmos import ContainerProxy, CosmosClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from benchmarks.reference import settings

USERS, SESSIONS, TRANSCRIPTS, DEVICES = "users", "sessions", "transcripts", "devices"

PARTITION_KEYS = {
    USERS: "/id",
    SESSIONS: "/therapist_id",
    TRANSCRIPTS: "/id",
    DEVICES: "/user_id",
}
"""Of each container. A session's header is in its therapist's partition, its transcript in its own."""


@cache
def cosmos() -> CosmosClient:
    """Return the client of Cosmos DB. The emulator, over plain HTTP, names addresses that are not its own."""
    uri = settings.required("COSMOS_URI")
    discovery = uri.startswith("https://")
    return CosmosClient(uri, settings.required("COSMOS_KEY"), enable_endpoint_discovery=discovery)


@cache
def container(name: str) -> ContainerProxy:
    """Return a container of the database."""
    return cosmos().get_database_client(settings.database_name()).get_container_client(name)


@cache
def recordings() -> ContainerClient:
    """Return the container of recordings in Blob storage."""
    text = settings.required("AZURE_STORAGE_CONNECTION_STRING")
    service = BlobServiceClient.from_connection_string(text)
    return service.get_container_client(settings.blob_container_name())


@cache
def language() -> TextAnalyticsClient:
    """Return the client of Azure AI Language."""
    endpoint = settings.required("TEXT_ANALYTICS_ENDPOINT")
    return TextAnalyticsClient(
        endpoint, AzureKeyCredential(settings.required("TEXT_ANALYTICS_KEY"))
    )


def rows(
    name: str, query: str, partition: str | None = None, **parameters: Any
) -> list[dict[str, Any]]:
    """Return what a query finds, in one partition or in all."""
    where: dict[str, Any] = (
        {"enable_cross_partition_query": True}
        if partition is None
        else {"partition_key": partition}
    )
    named = [{"name": f"@{key}", "value": value} for key, value in parameters.items()]
    return list(container(name).query_items(query=query, parameters=named, **where))
