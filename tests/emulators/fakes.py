"""The skeleton of our own fakes: an aiohttp application on a thread of its own, with faults and a record.

A thread of its own, because SDKs under test block the test's event loop now and then (firebase-admin
fetches its token so). From another process the same things are asked over HTTP:

    POST /_faults [{...}]   DELETE /_faults?seed=7   GET /_seen   DELETE /_seen   POST /_script {...}

Faults of every fake (Fault.on is a glob over what name_of() says of a request, its path unless told
otherwise): `status` answers that; `reset` resets the connection; `lost` does the work, then resets;
`slow` waits `seconds` first; `stall` never answers; `empty` answers 200 with nothing in it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.emulators.faults import Fault, Faults
from tests.emulators.threaded import Threaded, reset

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fake(Threaded):
    """One fake. It has routes(), and what a script or a record of calls means to it.

    `key`, where it has one, is the only Ocp-Apim-Subscription-Key that is let in; any bearer token is.
    `keys_off` is `disableLocalAuth` of a resource: no key is let in.
    """

    key: str | None = None
    keys_off = False

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.faults = Faults()
        self.calls: list[dict[str, Any]] = []

    # what a fake says of itself

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    def name_of(self, request: web.Request) -> str:
        """What faults are looked for by; a request whose name is empty takes its own."""
        return request.path

    def refusal(self, status: int, code: str = "", message: str = "") -> web.Response:
        """An error in the form that this fake's original uses."""
        return web.json_response(
            {"error": {"code": code or str(status), "message": message}}, status=status
        )

    def refused_by(self, fault: Fault, request: web.Request) -> web.Response:
        """The answer to a fault of kind `status`."""
        refused = self.refusal(fault.status, message=fault.message)
        refused.headers.update(fault.headers)
        return refused

    def nothing(self, request: web.Request) -> web.Response:
        """The answer to a fault of kind `empty`."""
        return web.json_response({})

    def script(self, said: dict[str, Any]) -> None:
        """Set attributes by name: what POST /_script does, and a test may do directly."""
        for name, value in said.items():
            if name.startswith("_") or not hasattr(self, name):
                raise KeyError(name)
            setattr(self, name, value)

    def seen(self) -> dict[str, Any]:
        return {"calls": list(self.calls)}

    def clear(self) -> None:
        """No faults, nothing seen."""
        self.faults.clear()
        self.calls.clear()
        self.keys_off = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, *faults: Fault) -> None:
        self.faults.add(*faults)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        application = web.Application(middlewares=[self._front], client_max_size=16 * 1024 * 1024)
        application.add_routes(
            [
                web.post("/_faults", self._add_faults),
                web.delete("/_faults", self._clear_faults),
                web.get("/_seen", self._tell_seen),
                web.delete("/_seen", self._clear_seen),
                web.post("/_script", self._take_script),
                *self.routes(),
            ]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        yield runner.addresses[0][1]
        await runner.cleanup()

    # what happens before an answer

    @web.middleware
    async def _front(self, request: web.Request, handler: Answer) -> web.StreamResponse:
        if request.path.startswith("/_"):
            try:
                return await handler(request)
            except (KeyError, TypeError, ValueError) as exc:  # not a fault, not something to script
                return web.json_response({"error": repr(exc)}, status=400)
        name = self.name_of(request)
        if not name:
            return await handler(request)
        try:
            return await self.met(self.faults.take(name), request, handler)
        except ConnectionError:  # who asked has died
            return web.Response()

    async def met(
        self, fault: Fault | None, request: web.Request, answer: Answer
    ) -> web.StreamResponse:
        """Answer as the fault has it, if there is one."""
        match fault.kind if fault else None:
            case "status":
                await request.read()
                return self.refused_by(fault, request)
            case "reset":
                reset(request.transport)
                return web.Response()
            case "lost":
                await answer(request)
                reset(request.transport)
                return web.Response()
            case "stall":
                await self.stall()
                return web.Response()
            case "slow":
                await asyncio.sleep(fault.seconds)
            case "empty":
                await request.read()
                return self.nothing(request)
        is_bearer = request.headers.get("Authorization", "").startswith("Bearer ")
        if self.keys_off and not is_bearer:
            told = "Key based authentication is disabled for this resource."
            return self.refusal(403, "AuthenticationTypeDisabled", told)
        if not self.welcome(request):
            return self.refusal(401, message="Access denied due to invalid subscription key.")
        return await answer(request)

    async def stall(self) -> None:
        """Say nothing until the fake ends."""
        assert self._ending is not None
        await self._ending.wait()

    def welcome(self, request: web.Request) -> bool:
        if self.key is None:
            return True
        if request.headers.get("Authorization", "").startswith("Bearer "):
            return True
        return request.headers.get("Ocp-Apim-Subscription-Key") == self.key

    # the control paths

    async def _add_faults(self, request: web.Request) -> web.Response:
        self.faults.add(*(Fault(**fault) for fault in await request.json()))
        return web.json_response(self.faults.as_json())

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self.faults.clear(int(request.query.get("seed", "0")))
        return web.json_response([])

    async def _tell_seen(self, request: web.Request) -> web.Response:
        return web.json_response(self.seen())

    async def _clear_seen(self, request: web.Request) -> web.Response:
        self.calls.clear()
        return web.json_response(self.seen())

    async def _take_script(self, request: web.Request) -> web.Response:
        self.script(await request.json())
        return web.json_response({})
