"""Playing a session's recording: whole, in parts, and without reading anything but the session for it."""

from tests.builders import PRACTICE, a_wav
from tests.http.clinic import check_problem, open_clinic
from therapy.ports.store import Store
from therapy.repositories.sessions import session_partition


async def test_a_recording_is_played_whole_or_in_part(clinic):
    session_id = await clinic.session()
    path = f"/sessions/{session_id}/recording"
    whole = await clinic.get(path)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.content.startswith(a_wav(b"")[:4])
    size = len(whole.content)
    for header, start, end in (
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, size),
        ("bytes=-7", size - 7, size),
        ("bytes=5-99999999", 5, size),
    ):
        part = await clinic.get(path, headers={"Range": header})
        assert part.status_code == 206
        assert part.content == whole.content[start:end]
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    for ignored in ("bytes=0-1,4-5", "items=0-1", "bytes=x", "bytes=-"):
        assert (await clinic.get(path, headers={"Range": ignored})).content == whole.content
    head = await clinic.ask("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(size)


class Recorded(Store):
    """A store that remembers what it was asked for."""

    def __init__(self, inner):
        self.inner, self.asked = inner, []

    async def get(self, partition, *ids):
        self.asked.append(("get", partition, *ids))
        return await self.inner.get(partition, *ids)

    async def list(self, partition, prefix="", **more):
        self.asked.append(("list", partition, prefix))
        return await self.inner.list(partition, prefix, **more)

    async def commit(self, partition, writes):
        self.asked.append(("commit", partition, *(each.id for each in writes)))
        await self.inner.commit(partition, writes)

    async def due(self, queues, now, limit, after=None):
        return await self.inner.due(queues, now, limit, after)

    async def purge(self, limit):
        return await self.inner.purge(limit)


async def test_playing_a_part_reads_the_session_and_neither_transcript_nor_runs(tmp_path):
    async with open_clinic(tmp_path, wrapped={"store": Recorded}) as clinic:
        session_id = await clinic.reviewable()
        asked = clinic.records.store.asked
        assert asked
        asked.clear()
        for method in ("GET", "HEAD"):
            path = f"/sessions/{session_id}/recording"
            part = await clinic.ask(method, path, headers={"Range": "bytes=0-9"})
            assert part.status_code == 206
            assert asked == [("get", session_partition(PRACTICE, session_id), "session")]
            asked.clear()


async def test_no_link_to_a_recording_is_made_where_it_is_a_file_of_this_machine(clinic):
    session_id = await clinic.session()
    check_problem(await clinic.post(f"/sessions/{session_id}/recording-link"), 404, "not_offered")
