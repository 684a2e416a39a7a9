"""What `ports.uploads` promises."""

import pytest

from tests.builders import NOW, OTHER_PRACTICE, PRACTICE, SECOND, an_upload
from tests.contract.conftest import Family
from therapy.domain.errors import NotFound


async def test_an_upload_is_given_as_it_was_written(family: Family) -> None:
    await family.uploads.put(PRACTICE, an_upload(offset=7))
    assert await family.uploads.get(PRACTICE, "upload-1") == an_upload(offset=7)


async def test_an_upload_may_be_written_again(family: Family) -> None:
    await family.uploads.put(PRACTICE, an_upload())
    changed = an_upload(offset=4096, session_id="session-1", expires_at=NOW + SECOND)
    await family.uploads.put(PRACTICE, changed)
    assert await family.uploads.get(PRACTICE, "upload-1") == changed
    assert await family.uploads.expired(NOW + SECOND, 10) == (changed,)


async def test_an_upload_that_is_missing_is_not_found(family: Family) -> None:
    await family.uploads.put(PRACTICE, an_upload())
    for practice_id, upload_id in ((PRACTICE, "missing"), (OTHER_PRACTICE, "upload-1")):
        with pytest.raises(NotFound):
            await family.uploads.get(practice_id, upload_id)


async def test_a_removed_upload_is_forgotten(family: Family) -> None:
    await family.uploads.put(PRACTICE, an_upload(expires_at=NOW))
    await family.uploads.remove(PRACTICE, "upload-1")
    with pytest.raises(NotFound):
        await family.uploads.get(PRACTICE, "upload-1")
    assert await family.uploads.expired(NOW, 10) == ()


async def test_removing_twice_or_from_another_practice_is_no_error(family: Family) -> None:
    await family.uploads.put(PRACTICE, an_upload())
    await family.uploads.remove(OTHER_PRACTICE, "upload-1")
    assert await family.uploads.get(PRACTICE, "upload-1") == an_upload()
    await family.uploads.remove(PRACTICE, "upload-1")
    await family.uploads.remove(PRACTICE, "upload-1")


async def test_an_upload_has_expired_from_its_moment_on(family: Family) -> None:
    await family.uploads.put(PRACTICE, an_upload(expires_at=NOW))
    assert await family.uploads.expired(NOW - SECOND, 10) == ()
    assert await family.uploads.expired(NOW, 10) == (an_upload(expires_at=NOW),)


async def test_expired_uploads_of_any_practice_come_longest_expired_first(family: Family) -> None:
    for at, practice_id in ((2, PRACTICE), (3, OTHER_PRACTICE), (1, PRACTICE)):
        upload = an_upload(id=f"u{at}", practice_id=practice_id, expires_at=NOW - at * SECOND)
        await family.uploads.put(practice_id, upload)
    assert [upload.id for upload in await family.uploads.expired(NOW, 10)] == ["u3", "u2", "u1"]


async def test_no_more_expired_uploads_are_given_than_asked_for(family: Family) -> None:
    for at in range(3):
        await family.uploads.put(PRACTICE, an_upload(id=f"u{at}", expires_at=NOW))
    for limit in (0, 2):
        assert len(await family.uploads.expired(NOW, limit)) == limit
