"""What `repositories.uploads` promises."""

import pytest
from msgspec.structs import replace

from tests.builders import NOW, OTHER_PRACTICE, PRACTICE, SECOND, an_upload
from tests.repositories.changes import NO_UNICODE, ODD_IDS, at_once, commit
from therapy.domain.errors import InvalidInput, NotFound, Stale
from therapy.domain.upload import Upload
from therapy.repositories.records import Records
from therapy.repositories.uploads import UPLOAD_QUEUE


async def write(records: Records, *uploads: Upload) -> None:
    for upload in uploads:
        await commit(records, records.uploads.write(upload))


async def load(records: Records) -> Upload:
    return await records.uploads.load(PRACTICE, "upload-1")


async def expired(records: Records, now: object = NOW, limit: int = 10) -> list[Upload]:
    items = await records.store.due([UPLOAD_QUEUE], now, limit)
    return list(records.uploads.known(items))


async def test_an_upload_is_given_as_it_was_written(records: Records) -> None:
    await write(records, an_upload(offset=7))
    assert await load(records) == an_upload(offset=7, version=1)


async def test_an_upload_may_be_written_again_as_it_was_read(records: Records) -> None:
    changed = an_upload(offset=4096, session_id="session-1", expires_at=NOW + SECOND)
    await write(records, an_upload(), replace(changed, version=1))
    assert await load(records) == replace(changed, version=2)
    assert await expired(records, NOW + SECOND) == [replace(changed, version=2)]


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_an_upload_with_another_version_than_the_stored_one_is_stale(
    records: Records, version: int
) -> None:
    await write(records, an_upload(), an_upload(offset=7, version=1))
    with pytest.raises(Stale):
        await write(records, an_upload(offset=9, version=version))
    assert await load(records) == an_upload(offset=7, version=2)


async def test_of_those_who_go_on_with_an_upload_at_once_one_does(
    records: Records, replica: Records
) -> None:
    await write(records, an_upload())
    won, failed = await at_once(
        *(
            write(each, an_upload(offset=at + 1, version=1))
            for at, each in enumerate([records, replica] * 3)
        )
    )
    assert failed == [Stale] * 5
    assert await load(replica) == an_upload(offset=won[0] + 1, version=2)


async def test_an_upload_that_is_missing_is_not_found(records: Records) -> None:
    await write(records, an_upload())
    for practice_id, upload_id in ((PRACTICE, "missing"), (OTHER_PRACTICE, "upload-1")):
        with pytest.raises(NotFound):
            await records.uploads.load(practice_id, upload_id)


async def test_a_removed_upload_is_forgotten_and_nobody_goes_on_with_it(records: Records) -> None:
    await write(records, an_upload(expires_at=NOW), an_upload(id="other", expires_at=NOW))
    read = await load(records)
    await commit(records, records.uploads.remove(an_upload()))
    with pytest.raises(NotFound):
        await load(records)
    assert [upload.id for upload in await expired(records)] == ["other"]
    with pytest.raises(Stale):
        await write(records, read)


async def test_removing_twice_or_from_another_practice_is_no_error(records: Records) -> None:
    await write(records, an_upload())
    await commit(records, records.uploads.remove(an_upload(practice_id=OTHER_PRACTICE)))
    assert await load(records) == an_upload(version=1)
    for _ in range(2):
        await commit(records, records.uploads.remove(an_upload()))


async def test_an_upload_is_removed_whoever_wrote_it_last(records: Records) -> None:
    await write(records, an_upload(), an_upload(offset=7, version=1))
    await commit(records, records.uploads.remove(an_upload(version=1)))
    with pytest.raises(NotFound):
        await load(records)


async def test_an_upload_has_expired_from_its_moment_on_and_is_there_still(
    records: Records,
) -> None:
    await write(records, an_upload(expires_at=NOW))
    assert await expired(records, NOW - SECOND) == []
    assert await expired(records) == [an_upload(expires_at=NOW, version=1)]
    assert await load(records) == an_upload(expires_at=NOW, version=1)


async def test_expired_uploads_of_any_practice_come_longest_expired_first(
    records: Records,
) -> None:
    for at, practice_id in ((2, PRACTICE), (3, OTHER_PRACTICE), (1, PRACTICE)):
        upload = an_upload(id=f"u{at}", practice_id=practice_id, expires_at=NOW - at * SECOND)
        await write(records, upload)
    assert [upload.id for upload in await expired(records)] == ["u3", "u2", "u1"]
    assert [upload.id for upload in await expired(records, limit=2)] == ["u3", "u2"]


async def test_no_two_odd_ids_share_an_upload(records: Records) -> None:
    for at, odd in enumerate(ODD_IDS):
        await write(records, an_upload(practice_id=odd, id=odd, offset=at))
    for at, odd in enumerate(ODD_IDS):
        upload = await records.uploads.load(odd, odd)
        assert upload == an_upload(practice_id=odd, id=odd, offset=at, version=1)


async def test_what_is_no_unicode_is_refused_without_quoting_it(records: Records) -> None:
    for upload in (an_upload(id=NO_UNICODE), an_upload(session_id=NO_UNICODE)):
        with pytest.raises(InvalidInput) as caught:
            await write(records, upload)
        assert "said" not in str(caught.value)
        with pytest.raises(NotFound):
            await records.uploads.load(PRACTICE, upload.id)
