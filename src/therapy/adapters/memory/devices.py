"""Devices in memory."""

from msgspec.structs import replace

from therapy.domain import codec
from therapy.domain.people import Device
from therapy.ports.devices import Devices


class MemoryDevices(Devices):
    """Devices by push token."""

    def __init__(self) -> None:
        self._devices: dict[str, bytes] = {}

    async def put(self, practice_id: str, device: Device) -> None:
        self._devices[device.token] = codec.encode(replace(device, practice_id=practice_id))

    async def of_person(self, practice_id: str, person_id: str) -> tuple[Device, ...]:
        devices = [codec.decode(Device, each) for each in self._devices.values()]
        own = [
            each
            for each in devices
            if (each.practice_id, each.person_id) == (practice_id, person_id)
        ]
        return tuple(sorted(own, key=lambda each: (each.registered_at, each.token)))

    async def remove(self, practice_id: str, token: str) -> None:
        stored = self._devices.get(token)
        if stored is not None and codec.decode(Device, stored).practice_id == practice_id:
            del self._devices[token]
