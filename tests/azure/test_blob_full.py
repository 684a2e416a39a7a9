"""A blob store without room: 507 that says what to do, never 409, and what is stored stays readable."""

import pytest
from azure.storage.blob.aio import ExponentialRetry

from tests.builders import a_wav
from tests.emulators.azurite import Azurite
from tests.http.clinic import SOUND, check_problem, metadata_of, open_clinic
from therapy.adapters.azure.blob.recordings import BlobRecordings
from therapy.domain.upload import BLOCK_SIZE

pytestmark = [pytest.mark.slow, pytest.mark.emulator]

MEGABYTES = 6
LARGE = SOUND * (2 * BLOCK_SIZE // len(SOUND) + 1)


class SmallAzurite(Azurite):
    """Azurite with room for one block."""

    def command(self) -> list[str]:
        return [*super().command(), "--extentMemoryLimit", f"{MEGABYTES}"]


async def test_a_recording_that_has_no_room_is_507_and_says_what_to_do(tmp_path):
    """And what takes less room is taken in, because what was staged is discarded again."""
    blobs = SmallAzurite().start()
    try:
        opening = BlobRecordings.open(
            "full",
            connection_string=blobs.connection_string,
            retry_policy=ExponentialRetry(retry_total=0),
        )
        async with (
            opening as recordings,
            open_clinic(tmp_path, recordings=recordings) as clinic,
        ):
            answer = await clinic.upload(a_wav(LARGE), metadata_of())
            problem = check_problem(answer, 507, "storage_full")
            assert "later" in problem["detail"]
            assert answer.headers["retry-after"] == "300"
            assert (await clinic.get("/sessions/me")).status_code == 200
            assert (await clinic.upload()).status_code == 202
    finally:
        blobs.stop()
