"""Notices: pushes to devices."""

from abc import ABC, abstractmethod

from therapy.domain.notice import Notice
from therapy.domain.people import Device


class Notices(ABC):
    """Sends pushes."""

    @abstractmethod
    async def send(self, practice_id: str, device: Device, notice: Notice) -> bool:
        """Send a push to one device; False if the device is gone for good and should be forgotten.

        Sending a notice with the same id again replaces it on the device.

        Raises:
            Unavailable: it could not be sent now; try again later.
        """
