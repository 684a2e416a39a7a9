"""What a real storage account has and Azurite lacks, in front of Azurite: a firewall, keys off, and features.

Requests pass unchanged, and so do answers, but for what is set:

    firewall       every request is 403 AuthorizationFailure, as from an address that is not let in
    shared_key_off what is signed with an account key is 403 KeyBasedAuthenticationNotPermitted
    hierarchical   the account says that it has a hierarchical namespace, and each blob that it is a file
    versioning     each blob says its version
    soft_delete    days that deleted blobs stay, as the service's properties say; 0: off
    data_role      what an identity with a role for data only is told of the account: nothing

and the faults of every fake (`fakes`), by "METHOD /path".
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from yarl import URL

from tests.emulators.azurite import ACCOUNT, KEY, Azurite
from tests.emulators.fakes import Fake

CODES = {
    403: ("AuthorizationFailure", "This request is not authorized to perform this operation."),
    503: ("ServerBusy", "The server is busy."),
}
HOP = {"connection", "transfer-encoding", "keep-alive", "content-encoding"}
VERSION = "2026-11-26T06:00:00.0000000Z"


class StorageFront(Fake):
    """`with StorageFront(azurite) as front:` and open what is tested by `front.connection_string`."""

    def __init__(self, azurite: Azurite) -> None:
        super().__init__()
        self._azurite = azurite
        self._session: aiohttp.ClientSession | None = None
        self._set_nothing()

    def _set_nothing(self) -> None:
        self.firewall = self.shared_key_off = self.hierarchical = False
        self.versioning = self.data_role = False
        self.soft_delete = 0

    def clear(self) -> None:
        super().clear()
        self._set_nothing()

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.url}/{ACCOUNT};"
        )

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._pass)]

    def name_of(self, request: web.Request) -> str:
        return f"{request.method} {request.path}"

    def refusal(self, status: int, code: str = "", message: str = "") -> web.Response:
        code, message = (code, message) if code else CODES.get(status, (str(status), message))
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        headers = {"x-ms-error-code": code}
        return web.Response(
            status=status, text=body, headers=headers, content_type="application/xml"
        )

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as self._session,
            super().serving() as port,
        ):
            yield port

    async def _pass(self, request: web.Request) -> web.Response:
        asked = request.query.get("restype"), request.query.get("comp")
        self.calls.append({"method": request.method, "path": request.path})
        if self.firewall:
            return self.refusal(403)
        if self.shared_key_off and self._is_signed_with_a_key(request):
            message = "Key based authentication is not permitted on this storage account."
            return self.refusal(403, "KeyBasedAuthenticationNotPermitted", message)
        of_account = asked in {("account", "properties"), ("service", "properties")}
        if of_account and self.data_role:
            message = (
                "This request is not authorized to perform this operation using this permission."
            )
            return self.refusal(403, "AuthorizationPermissionMismatch", message)
        return await self._forwarded(request, *asked)

    def _is_signed_with_a_key(self, request: web.Request) -> bool:
        by_header = request.headers.get("Authorization", "").startswith("SharedKey")
        by_link = "sig" in request.query and "skoid" not in request.query
        return by_header or by_link

    async def _forwarded(
        self, request: web.Request, restype: str | None, comp: str | None
    ) -> web.Response:
        assert self._session is not None
        address = f"http://127.0.0.1:{self._azurite.port}{request.raw_path}"
        headers = {name: text for name, text in request.headers.items() if name.lower() not in HOP}
        asking = self._session.request(
            request.method,
            URL(address, encoded=True),
            headers=headers,
            data=await request.read() or None,
            skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding", "User-Agent"),
        )
        async with asking as answer:
            body = await answer.read()
            kept = {name: text for name, text in answer.headers.items() if name.lower() not in HOP}
            if request.method != "HEAD":
                kept.pop("Content-Length", None)
            status = answer.status
        if (restype, comp) == ("account", "properties"):
            kept["x-ms-is-hns-enabled"] = str(self.hierarchical).lower()
        if (restype, comp) == ("service", "properties") and request.method == "GET":
            body = self._with_soft_delete(body)
        if request.path.count("/") > 2 and status < 300 and restype is None:  # a blob
            kept |= {"x-ms-resource-type": "file"} if self.hierarchical else {}
            kept |= {"x-ms-version-id": VERSION} if self.versioning else {}
        return web.Response(status=status, headers=kept, body=body)

    def _with_soft_delete(self, body: bytes) -> bytes:
        """Azurite's answer has no policy at all."""
        if not self.soft_delete:
            return body
        days = f"<Enabled>true</Enabled><Days>{self.soft_delete}</Days>"
        policy = f"<DeleteRetentionPolicy>{days}</DeleteRetentionPolicy>".encode()
        return body.replace(b"<StaticWebsite>", policy + b"<StaticWebsite>")
