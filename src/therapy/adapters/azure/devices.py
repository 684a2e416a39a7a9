"""Devices in Cosmos DB: the push token says whose it is, a person's list says where to look.

The token's own item, of which there is one over all practices, is the truth. A list is written first and
may name a token that has moved or gone since: whoever reads it asks the token. Entries that are found
wrong are deleted if they are as they were read and older than `Cosmos.settle`: a younger one may be
ahead of its token.
"""

import time

from msgspec.structs import replace

from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container import ATTEMPTS
from therapy.adapters.azure.cosmos.errors import contended
from therapy.adapters.azure.cosmos.keys import digest, key
from therapy.adapters.azure.cosmos.partition import body_of, read_body
from therapy.domain.people import Device
from therapy.ports.devices import Devices

DEVICE = "device"


class CosmosDevices(Devices):
    """Devices of all people."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.tokens
        self._settle = cosmos.settle.total_seconds()

    async def put(self, practice_id: str, device: Device) -> None:
        name = digest(device.token)
        owned = replace(device, practice_id=practice_id)
        await self._container.put(_person(practice_id, device.person_id), name, {})
        await self._container.put(_token(name), DEVICE, {"body": body_of(owned)})

    async def of_person(self, practice_id: str, person_id: str) -> tuple[Device, ...]:
        pk = _person(practice_id, person_id)
        entries = await self._container.query(pk, 'c.id != ""', select="c.pk, c.id, c._etag, c._ts")
        tokens = [await self._container.read(_token(each["id"]), DEVICE) for each in entries]
        devices = []
        for entry, token in zip(entries, tokens, strict=True):
            device = None if token is None else read_body(Device, token)
            if device and (device.practice_id, device.person_id) == (practice_id, person_id):
                devices.append(device)
            elif time.time() - entry["_ts"] >= self._settle:
                await self._container.delete(pk, entry["id"], entry["_etag"])
        return tuple(sorted(devices, key=lambda each: (each.registered_at, each.token)))

    async def remove(self, practice_id: str, token: str) -> None:
        pk = _token(digest(token))
        for _ in range(ATTEMPTS):
            there = await self._container.read(pk, DEVICE)
            if there is None or read_body(Device, there).practice_id != practice_id:
                return
            if await self._container.delete(pk, DEVICE, there["_etag"]):
                return
        raise contended()


def _token(name: str) -> str:
    return key("device", name)


def _person(practice_id: str, person_id: str) -> str:
    return key("devices", practice_id, person_id)
