"""Clients of streams of events: over the wire, and of the application in this process."""

import asyncio
import http.client
import json
from typing import Any, Self

from httpx import Response

from tests.http.clinic import OLIVIA, Clinic
from tests.http.server import PATIENCE
from therapy.domain.people import Person


async def first_events(
    clinic: Clinic, path: str, person: Person | None = OLIVIA, **more: Any
) -> Response:
    """Ask for events, and have the server end the stream once the first have come."""
    asking = asyncio.create_task(clinic.get(path, person, **more))
    while not asking.done():
        clinic.installation.followed_sessions.end_all()
        await asyncio.sleep(0.005)
    return await asking


class Stream:
    """A stream of events as it comes over the wire."""

    def __init__(self, port: int, token: str, path: str, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection.request("GET", path, headers=sent | headers)
        self.answer = self._connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()

    def message(self) -> dict[str, str]:
        """Return the next message's fields; {} at the end of the stream."""
        fields: dict[str, str] = {}
        while line := self.answer.readline().decode().rstrip("\r\n"):
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        return fields

    def event(self, state: str = "") -> tuple[str, dict[str, Any]]:
        """Return the id and the data of the next event, with this state if one is named."""
        while message := self.message():
            if "data" in message:
                assert message["event"] == "session"
                data = json.loads(message["data"])
                if state in {"", data["state"]}:
                    return message["id"], data
        raise AssertionError("the stream has ended")

    def rest(self) -> bytes:
        """Return what comes until the stream ends as it should: with the last chunk."""
        return self.answer.read()
