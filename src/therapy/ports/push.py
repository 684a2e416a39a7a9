"""Push: notifications on devices."""

from abc import ABC, abstractmethod

from therapy.domain.people import Device
from therapy.domain.push import PushMessage


class PushSender(ABC):
    """Sends pushes."""

    @abstractmethod
    async def send(self, practice_id: str, device: Device, push: PushMessage) -> bool:
        """Send a push to one device; return False if the device is gone for good and should be removed.

        Sending a push with the same id again replaces it on the device.

        Raises:
            Unavailable: it could not be sent now; try again later. So is whatever may be every device's: the
                service, its project, our key.
        """
