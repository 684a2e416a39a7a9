"""Pushes in memory."""

from therapy.domain.errors import Unavailable
from therapy.domain.people import Device
from therapy.domain.push import PushMessage
from therapy.ports.push import PushSender


class MemoryPushSender(PushSender):
    """Keeps what was sent, in order; raises Unavailable while `down`. Tokens in `gone` are gone for good."""

    def __init__(self) -> None:
        self.sent: list[tuple[Device, PushMessage]] = []
        self.gone: set[str] = set()
        self.down = False

    async def send(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        device: Device,
        push: PushMessage,
    ) -> bool:
        if self.down:
            raise Unavailable
        if device.token in self.gone:
            return False
        self.sent.append((device, push))
        return True
