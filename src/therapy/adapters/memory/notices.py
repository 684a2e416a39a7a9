"""Notices in memory."""

from therapy.domain.errors import Unavailable
from therapy.domain.notice import Notice
from therapy.domain.people import Device
from therapy.ports.notices import Notices


class MemoryNotices(Notices):
    """Keeps what was sent, in order; tokens in `gone` are of devices that are gone for good."""

    def __init__(self) -> None:
        self.sent: list[tuple[Device, Notice]] = []
        self.gone: set[str] = set()
        self.down = False

    async def send(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        device: Device,
        notice: Notice,
    ) -> bool:
        if self.down:
            raise Unavailable
        if device.token in self.gone:
            return False
        self.sent.append((device, notice))
        return True
