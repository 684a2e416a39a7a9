"""Azurite, Microsoft's own emulator of Blob storage, in memory.

The API version is not checked (--skipApiVersionCheck): the SDK is always newer than Azurite, and nothing
need be said in the client. Its account and key are the well-known ones that everybody's Azurite has. It
cannot do managed identity (that needs TLS); uncommitted blobs are listed and deleted unlike Azure's. Through
azurite.cjs it keeps what is in a container, and puts it back.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.emulators.control_line import ControlLine
from tests.emulators.processes import NODE_MODULES, Program, find_node

ACCOUNT = "devstoreaccount1"
# Published in Azurite's documentation; opens nothing but an emulator.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite(Program):
    """`with Azurite() as blobs: BlobServiceClient.from_connection_string(blobs.connection_string)`."""

    ready = re.compile(r"successfully listens on http://127\.0\.0\.1:(\d+)")

    def __init__(self) -> None:
        super().__init__()
        self._line = ControlLine()

    def command(self) -> list[str]:
        return [
            find_node(),
            str(Path(__file__).with_name("azurite.cjs")),
            *("--inMemoryPersistence", "--skipApiVersionCheck"),
            *("--disableTelemetry", "--disableProductStyleUrl", "--silent"),
            *("--blobHost", "127.0.0.1", "--blobPort", str(self.port)),
        ]

    def environment(self) -> dict[str, str]:
        return {"NODE_PATH": str(NODE_MODULES)}

    def stop(self) -> None:
        self._line.hang_up()
        super().stop()

    def keep(self, container: str) -> str:
        """Keep all blobs of a container, blocks that are not committed among them.

        Returns a name, the same one as long as nothing is written.
        """
        return str(self._line.ask(self.port, "POST", f"_kept?container={container}"))

    def put_back(self, container: str, kept: str) -> None:
        """Replace what is in a container by what was kept under this name, ETags and times included."""
        self._line.ask(self.port, "PUT", f"_kept?container={container}&kept={kept}")

    def forget(self) -> None:
        """Forget what was kept."""
        self._line.ask(self.port, "DELETE", "_kept")

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
