"""The content of a push: never a name, a date or anything about health."""

import hashlib

from msgspec import Struct

from therapy.domain.messages import sentence
from therapy.domain.outbox import PushDue, PushKind
from therapy.domain.people import Device

NOTIFICATION_TYPES = {
    PushKind.SESSION_READY: "SESSION_READY",
    PushKind.SESSION_FAILED: "SESSION_FAILED",
}
"""The app's `notification_type` of each kind."""


class PushMessage(Struct, frozen=True):
    """A push to one device. `id` is the same if it is sent again, so that the repeat replaces it."""

    id: str
    kind: PushKind
    title: str
    body: str
    session_id: str

    @property
    def data(self) -> dict[str, str]:
        """The data fields that the app reads; a failure has no `dataId`."""
        fields = {
            "notification_type": NOTIFICATION_TYPES[self.kind],
            "title": self.title,
            "body": self.body,
        }
        if self.kind is PushKind.SESSION_READY:
            fields["dataId"] = self.session_id
        return fields


def push_for(due: PushDue, *, item_id: str, device: Device, language: str) -> PushMessage:
    """Return the push for one device, in the practice's language."""
    seed = f"{item_id}|{device.token}".encode()
    name = due.kind.name.lower()
    return PushMessage(
        id=hashlib.sha256(seed).hexdigest()[:32],
        kind=due.kind,
        title=sentence(f"{name}_title", language),
        body=sentence(f"{name}_body", language),
        session_id=due.session_id,
    )
