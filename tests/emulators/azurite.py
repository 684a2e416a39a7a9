"""Azurite, Microsoft's own emulator of Blob storage, in memory.

The API version is not checked (--skipApiVersionCheck): the SDK is always newer than Azurite, and nothing
need be said in the client. Its account and key are the well-known ones that everybody's Azurite has. It
cannot do managed identity (that needs TLS); uncommitted blobs are listed and deleted unlike Azure's.
"""

from __future__ import annotations

import re

from tests.emulators.processes import NODE_MODULES, Program, find_node

ACCOUNT = "devstoreaccount1"
# Published in Azurite's documentation; opens nothing but an emulator.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite(Program):
    """`with Azurite() as blobs: BlobServiceClient.from_connection_string(blobs.connection_string)`."""

    ready = re.compile(r"successfully listens on http://127\.0\.0\.1:(\d+)")

    def command(self) -> list[str]:
        return [
            find_node(),
            str(NODE_MODULES / "azurite/dist/src/blob/main.js"),
            *("--inMemoryPersistence", "--skipApiVersionCheck"),
            *("--disableTelemetry", "--disableProductStyleUrl"),
            *("--blobHost", "127.0.0.1", "--blobPort", str(self.port)),
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.url};"
        )

    def settings(self) -> dict[str, str]:
        return {
            "AZURE_STORAGE_CONNECTION_STRING": self.connection_string,
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        }
