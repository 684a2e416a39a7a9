"""Mail in memory."""

from therapy.domain.errors import Unavailable
from therapy.ports.mail import Letter, Mail, check_letter


class MemoryMail(Mail):
    """Keeps what was sent, in order; raises Unavailable while `down`."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.down = False

    async def send(self, practice_id: str, letter: Letter) -> None:  # noqa: ARG002 - the port's
        check_letter(letter)
        if self.down:
            raise Unavailable
        self.sent.append(letter)
