"""GET /sessions/{id}/playback and /peaks: what a browser plays and draws, made by the real encoder."""

from array import array

import pytest

from tests.builders import PRACTICE, a_wav
from tests.http.clinic import ALEX, JORDAN, SOUND, check_problem, metadata_of, open_clinic
from tests.http.test_playback import Recorded
from tests.workflows.playing import (
    HEAD,
    PlayingDecoder,
    boxes,
    likeness,
    played_from,
    sound,
    stated_seconds,
)
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.domain.errors import EngineFailed
from therapy.domain.playback import all_keys
from therapy.repositories.sessions import session_partition

RATE = 16_000
SECONDS = 12.34


@pytest.fixture
async def playing(tmp_path):
    """A clinic whose decoder is the real one."""
    async with open_clinic(tmp_path, audio=PyAvAudioDecoder()) as clinic:
        yield clinic


@pytest.fixture
async def quick(tmp_path):
    """A clinic whose decoder makes for players what it is given."""
    async with open_clinic(tmp_path, audio=PlayingDecoder()) as clinic:
        yield clinic


async def sent(clinic, audio: bytes, **metadata) -> str:
    answer = await clinic.upload(audio, metadata_of(**metadata))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["session_id"])


@pytest.mark.slow
async def test_get_sessions_id_playback_plays_and_seeks_to_what_was_said_and_get_peaks_draws_it(
    playing,
):
    pcm = sound(SECONDS)
    session_id = await sent(playing, a_wav(pcm))
    pending = check_problem(
        await playing.get(f"/sessions/{session_id}/playback"), 409, "playback_pending"
    )
    assert pending["retry_after"] > 0
    await playing.work()

    file = await playing.get(f"/sessions/{session_id}/playback")
    assert file.status_code == 200
    assert file.headers["content-type"] == "audio/mp4"
    assert file.headers["accept-ranges"] == "bytes"
    assert boxes(file.content)[:2] == ["ftyp", "moov"]
    assert abs(stated_seconds(file.content) - SECONDS) <= 0.05
    original = array("h", pcm)
    for at in (0.0, 4.321, 10.9):
        start = round(at * RATE)
        excerpt = played_from(file.content, at, 1.0)
        assert likeness(excerpt, original[start : start + RATE]) > 0.95

    peaks = await playing.get(f"/sessions/{session_id}/peaks")
    assert peaks.status_code == 200
    assert peaks.headers["content-type"] == "application/octet-stream"
    assert len(peaks.content) == 2 * 247
    found = array("b", peaks.content)
    loudest = max(range(247), key=lambda at: found[2 * at + 1])
    assert max(original[loudest * 800 :][:800]) >= max(original) - 256

    shown = (await playing.get(f"/sessions/{session_id}")).json()
    assert (shown["playback"], shown["playback_failure"]) == ("ready", None)


@pytest.mark.parametrize("name", ["playback", "peaks"])
async def test_a_part_reads_the_session_and_its_playback_and_no_transcript(tmp_path, name):
    wrapped = {"store": Recorded}
    async with open_clinic(tmp_path, audio=PlayingDecoder(), wrapped=wrapped) as clinic:
        session_id = await sent(clinic, a_wav(sound(0.5)))
        await clinic.work()
        asked = clinic.records.store.asked
        for method in ("GET", "HEAD"):
            asked.clear()
            path = f"/sessions/{session_id}/{name}"
            part = await clinic.ask(method, path, headers={"Range": "bytes=0-1"})
            assert part.status_code == 206
            of_session = session_partition(PRACTICE, session_id)
            assert asked == [("get", of_session, "session"), ("get", of_session, "playback")]


@pytest.mark.parametrize("name", ["playback", "peaks"])
async def test_ranges_head_and_etags_save_what_a_player_has_already(quick, name):
    session_id = await sent(quick, a_wav(sound(0.5)))
    await quick.work()
    path = f"/sessions/{session_id}/{name}"
    whole = await quick.get(path)
    etag, size = whole.headers["etag"], len(whole.content)
    part = await quick.get(path, headers={"Range": "bytes=1-", "If-Range": etag})
    assert (part.status_code, part.content) == (206, whole.content[1:])
    assert part.headers["content-range"] == f"bytes 1-{size - 1}/{size}"
    other = await quick.get(path, headers={"Range": "bytes=1-", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)
    for known in (etag, f'"another", W/{etag}', "*"):
        same = await quick.get(path, headers={"If-None-Match": known, "Range": "bytes=0-1"})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    changed = await quick.get(path, headers={"If-None-Match": '"another"'})
    assert changed.status_code == 200
    head = await quick.ask("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(size)
    beyond = await quick.get(path, headers={"Range": f"bytes={size}-"})
    check_problem(beyond, 416, "range")


@pytest.mark.parametrize("name", ["playback", "peaks"])
async def test_what_a_browser_keeps_is_private_and_asked_for_again_while_recordings_may_come(
    quick, name
):
    session_id = await sent(quick, a_wav(sound(0.5)))
    await quick.work()
    path = f"/sessions/{session_id}/{name}"
    before = await quick.get(path)
    assert before.headers["cache-control"] == "private, no-cache"
    await sent(quick, a_wav(sound(0.5, seed=2)), continues=session_id)
    check_problem(await quick.get(path), 409, "playback_pending")
    await quick.work()
    after = await quick.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == (200 if name == "playback" else 304)
    closed = await quick.closed()
    immutable = (await quick.get(f"/sessions/{closed}/{name}")).headers["cache-control"]
    assert immutable == "private, max-age=31536000, immutable"


async def test_a_playback_that_failed_says_what_to_do_and_is_made_by_a_retry(tmp_path):
    decoder = PlayingDecoder(EngineFailed("not_enough_memory", transient=False))
    async with open_clinic(tmp_path, audio=decoder) as clinic:
        session_id = await sent(clinic, a_wav(SOUND))
        await clinic.work()
        for name in ("playback", "peaks"):
            failed = await clinic.get(f"/sessions/{session_id}/{name}")
            check_problem(failed, 409, "playback_failed")
        shown = (await clinic.get(f"/sessions/{session_id}")).json()
        assert (shown["state"], shown["playback"]) == ("awaiting_review", "failed")
        assert shown["playback_failure"]["code"] == "not_enough_memory"
        assert (await clinic.post(f"/sessions/{session_id}/retry")).status_code == 202
        await clinic.work()
        assert (await clinic.get(f"/sessions/{session_id}/playback")).content == HEAD + SOUND


async def test_where_the_recording_is_missing_nothing_says_that_it_can_be_downloaded(tmp_path):
    failure = EngineFailed("not_enough_memory", transient=False)
    async with open_clinic(tmp_path, audio=PlayingDecoder(failure)) as clinic:
        session_id = await sent(clinic, a_wav(SOUND))
        await clinic.work()
        session = await clinic.records.sessions.load(PRACTICE, session_id)
        await clinic.installation.recordings.delete(
            PRACTICE, session.recording.key
        )  # as a restore may have it
        assert (await clinic.post(f"/sessions/{session_id}/retry")).status_code == 202
        await clinic.work()
        failure = (await clinic.get(f"/sessions/{session_id}")).json()["playback_failure"]
        assert (failure["code"], "backup" in failure["advice"]) == ("recording_missing", True)
        refused = (await clinic.get(f"/sessions/{session_id}/playback")).json()
        assert "Unless the recording is missing" in refused["detail"]


async def test_nobody_but_the_sessions_therapist_plays_or_draws_it_and_nobody_once_it_is_erased(
    quick,
):
    session_id = await sent(quick, a_wav(SOUND))
    await quick.work()
    paths = [f"/sessions/{session_id}/{name}" for name in ("playback", "peaks")]
    for path in paths:
        for person in (ALEX, JORDAN):
            check_problem(await quick.get(path, person), 404, "not_found")
        check_problem(await quick.get(path, None), 401, "not_signed_in")
    session = await quick.records.sessions.load(PRACTICE, session_id)
    assert (await quick.ask("DELETE", f"/sessions/{session_id}")).status_code in {200, 202, 204}
    for path in paths:
        check_problem(await quick.get(path), 404, "not_found")
    found = {key async for _, key in quick.installation.recordings.kept()}
    assert not found & set(all_keys(session))


async def test_no_link_to_a_playback_is_made_where_it_is_a_file_of_this_machine(quick):
    session_id = await sent(quick, a_wav(SOUND))
    path = f"/sessions/{session_id}/playback-link"
    check_problem(await quick.post(path), 409, "playback_pending")
    await quick.work()
    check_problem(await quick.post(path), 404, "not_offered")
