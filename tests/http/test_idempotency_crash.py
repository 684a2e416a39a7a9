"""An upload with a key, whose process dies before each of its writes: sent again, it is one session."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from tests.builders import a_wav
from tests.http.clinic import BOUNDARY, SOUND, Clinic, form, metadata_of, open_clinic
from tests.workflows.interrupted_ports import InterruptedStore
from therapy.adapters.local.sqlite.database import FILE_NAME
from therapy.domain.errors import Unavailable
from therapy.ports.store import Store

QUICK = {"THERAPY_LEASE_SECONDS": "0.1"}
HEADERS = {
    "Idempotency-Key": "a-key",
    "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
}
BODY = form(a_wav(SOUND), metadata_of())
MOST_WRITES = 20


class Dying:
    """Puts a store around the local one that writes so often and then never again, as if its process died."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def around(self, local: Store) -> Store:
        store = InterruptedStore(local)
        store.before_commit = self._die
        return store

    async def _die(self, *_: Any) -> None:
        if self.left == 0:
            raise Unavailable
        self.left -= 1


async def send(clinic: Clinic) -> Response:
    return await clinic.post("/sessions/upload", content=BODY, headers=HEADERS)


def sessions_in(directory: Path) -> list[str]:
    """Return the ids of all sessions; lists may lack what a slow machine leaves to a sweep."""
    with closing(sqlite3.connect(directory / FILE_NAME)) as connection:
        found = connection.execute("SELECT partition FROM items WHERE kind = 'session'").fetchall()
    return [partition.rpartition("|")[2] for (partition,) in found]


@pytest.mark.slow
async def test_an_upload_that_died_before_any_write_is_one_session_when_sent_again(tmp_path: Path):
    for writes in range(MOST_WRITES):
        directory, dying = tmp_path / str(writes), Dying(writes)
        async with open_clinic(
            directory, environment=QUICK, wrapped={"store": dying.around}
        ) as clinic:
            cut = await send(clinic)
        async with open_clinic(directory, environment=QUICK) as clinic:
            async with asyncio.timeout(60):
                while (answer := await send(clinic)).status_code == 409:  # noqa: ASYNC110 - a claim ends by itself
                    await asyncio.sleep(0.05)
            again = await send(clinic)
        assert (answer.status_code, again.content) == (202, answer.content)
        assert sessions_in(directory) == [answer.json()["session_id"]]
        assert cut.status_code in {202, 503}
        if dying.left:
            break
    assert dying.left
    assert writes > 5
