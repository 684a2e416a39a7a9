"""Answers that are not sent yet, and what may be kept of them under an Idempotency-Key."""

from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Send

from therapy.domain.idempotency import MOST_ANSWER, StoredAnswer

OPTION = "idempotent_answer"
KEPT, SHOWN = "kept", "shown anew"
KEPT_HEADERS = {"content-type", "content-length", "content-language", "location", "etag"}
KEPT_PREFIXES = ("tus-", "upload-")
SUCCESSES = range(200, 300)


class BufferedAnswer:
    """An answer that is not sent yet: who asks again meanwhile must find it kept."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self.status, self.body = 0, bytearray()
        self.headers: tuple[tuple[str, str], ...] = ()

    async def buffer(self, message: Message) -> None:
        """Keep a message instead of sending it."""
        self._messages.append(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            named = [tuple(text.decode("latin-1") for text in each) for each in message["headers"]]
            self.headers = tuple((name, value) for name, value in named if _is_kept(name.lower()))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def send(self, send: Send) -> None:
        """Send what was kept back."""
        for message in self._messages:
            await send(message)

    def to_keep(self, handler: HTTPRouteHandler) -> StoredAnswer | None:
        """Return what may be kept of it; None if it did nothing that could be done twice, or is too long."""
        if self.status not in SUCCESSES or len(self.body) > MOST_ANSWER:
            return None
        if self.body and handler.opt.get(OPTION) != KEPT:
            return StoredAnswer(self.status, is_shown_anew=True)
        return StoredAnswer(self.status, self.headers, bytes(self.body))


def _is_kept(header: str) -> bool:
    return header in KEPT_HEADERS or header.startswith(KEPT_PREFIXES)


async def send_again(answer: StoredAnswer, send: Send) -> None:
    """Send an answer that was kept."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
