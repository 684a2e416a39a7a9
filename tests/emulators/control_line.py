"""The connection over which tests tell an emulator what to do, beside the requests of SDKs."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any


class ControlLine:
    """Asks over a connection that stays open: stories ask before each of their calls."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._line: http.client.HTTPConnection | None = None

    def ask(self, port: int, method: str, path: str, body: object = None) -> Any:
        """Return the answer, read from JSON."""
        with self._asking:
            try:
                return self._asked(port, method, path, body)
            except ConnectionError:  # it has been idle, or the emulator was started again
                self.hang_up()
                return self._asked(port, method, path, body)

    def hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None

    def _asked(self, port: int, method: str, path: str, body: object) -> Any:
        if self._line is None or self._line.port != port:
            self.hang_up()
            self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._line.request(method, f"/{path}", None if body is None else json.dumps(body))
        return json.loads(self._line.getresponse().read())
