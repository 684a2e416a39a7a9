"""A practice that goes on while something else is done: a phone uploads, a therapist submits transcripts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Self

from therapy.entrypoints.cli.mobile_client import MobileClient, Upload, metadata_of

THERAPISTS = "olivia.hayes1@example.health", "alex.lebed2@example.health"
"""Of an unnamed practice, see `therapy seed`."""

CANCELLED = 3
"""Each so-manieth upload is cancelled again, if any is."""


class Practice:
    """Notes what was acknowledged: `kept` sessions, and those of which a transcript was `submitted`.

    `recording` gives the recording of each number. If it `cancels`, every third upload is cancelled again.
    """

    def __init__(
        self, url: str, password: str, recording: Callable[[int], bytes], *, cancels: bool = False
    ) -> None:
        self.phone, self.reviewer = MobileClient(url, timeout=60), MobileClient(url, timeout=60)
        for app, email in zip((self.phone, self.reviewer), THERAPISTS, strict=True):
            app.login(email, password)
        self.kept: list[str] = []
        self.submitted: list[str] = []
        self._recording, self._cancels = recording, cancels
        self._number = 0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        for app in (self.phone, self.reviewer):
            app.__exit__(*_)

    def upload(self) -> None:
        """Upload the next recording."""
        self._number += 1
        number = self._number
        about = metadata_of(
            therapist={"id": self.phone.user["userId"]},
            patient={"id": f"{number:09}", "name": "Noa Bar"},
            day=date(2026, 1, 1),
        )
        answer = self.phone.upload(Upload(self._recording(number), about))
        _require(answer.status_code == 202, answer.text)
        session_id = answer.json()["session_id"]
        if self._cancels and number % CANCELLED == 0:
            gone = self.phone.call("DELETE", f"/sessions/{session_id}")
            _require(gone.status_code < 300, gone.text)
        else:
            self.kept.append(session_id)

    def review(self) -> None:
        """Submit the next transcript that waits, of each therapist, if there is one."""
        for app in (self.phone, self.reviewer):
            for each in app.got("GET", "/data/pending")[:1]:
                lines = app.got("GET", f"/data/transcript/{each['id']}")["transcript"]
                keys = ("speaker", "text", "timestamp")
                said = [{key: line[key] for key in keys} for line in lines]
                answer = app.call("PUT", f"/data/transcript/{each['id']}", json=said)
                _require(answer.status_code == 202, answer.text)
                self.submitted.append(each["id"])

    @contextmanager
    def at_work(self, *, pause: float = 0, most: int = 10**6) -> Iterator[None]:
        """Upload and review in turn while the body runs, at most so often.

        Raises:
            RuntimeError: something was refused.
        """
        over, failures = threading.Event(), list[BaseException]()

        def work() -> None:
            try:
                for _ in range(most):
                    if over.wait(pause):
                        return
                    self.upload()
                    self.review()
            except BaseException as exc:
                failures.append(exc)
                raise

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failures:
            raise RuntimeError("the practice could not go on") from failures[0]


def _require(well: bool, said: str) -> None:
    if not well:
        raise RuntimeError(said)
