"""Features of a storage account that do not go with recordings: asked by `therapy check`, not in service.

The account tells of itself whoever has its key, or a role to manage it. To an identity with a role for data
only, the headers of any blob tell the same; in an empty container there is none, and nothing is known.
"""

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from therapy.domain.errors import Unavailable

UNTOLD = frozenset({400, 403, 404})
"""The statuses with which an account says that this is not for us to know."""

HIERARCHICAL = "HierarchicalNamespace"
VERSIONING = "BlobVersioning"
SOFT_DELETE = "BlobSoftDelete"


async def unsuitable_features(store: BlobServiceClient, container: ContainerClient) -> list[str]:
    """Return which features are on because of which an erased recording stays, as far as we are told.

    Raises:
        Unavailable: the account has a hierarchical namespace, in which names are directories and files.
    """
    headers = await _headers_of_a_blob(container)
    told: Mapping[str, Any] = {}
    try:
        told = await store.get_account_information()
    except HttpResponseError as exc:
        _require_untold(exc)
    if told.get("is_hns_enabled") or "x-ms-resource-type" in headers:
        raise Unavailable(reason=HIERARCHICAL)
    found = [VERSIONING] if "x-ms-version-id" in headers else []
    return [*found, *([SOFT_DELETE] if await _deletes_softly(store) else [])]


async def _headers_of_a_blob(container: ContainerClient) -> Mapping[str, str]:
    """Return the headers of the properties of some blob; nothing if there is none."""
    seen: dict[str, str] = {}

    def look(response: Any) -> None:
        seen.update({name.lower(): text for name, text in response.http_response.headers.items()})

    async for each in container.list_blobs(results_per_page=1):
        await container.get_blob_client(each.name).get_blob_properties(raw_response_hook=look)
        break
    return seen


async def _deletes_softly(store: BlobServiceClient) -> bool:
    try:
        told = await store.get_service_properties()
    except HttpResponseError as exc:
        _require_untold(exc)
        return False
    policy = told.get("delete_retention_policy")
    return bool(policy and policy.enabled)


def _require_untold(exc: HttpResponseError) -> None:
    if exc.status_code not in UNTOLD:
        raise exc
