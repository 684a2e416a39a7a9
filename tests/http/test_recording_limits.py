"""What an upload is told whose recording is too long, or for whose check too many wait."""

import asyncio

from tests import media
from tests.http.clinic import NOTHING, check_problem, left_behind, open_clinic
from therapy.adapters.audio import PyAvAudioDecoder


async def test_a_recording_that_is_too_long_is_refused_with_the_limit_and_leaves_nothing(tmp_path):
    environment = {"THERAPY_MAX_RECORDING_SECONDS": "5"}
    async with open_clinic(tmp_path, environment=environment, audio=PyAvAudioDecoder()) as clinic:
        problem = check_problem(await clinic.upload(media.recording("wav", 6.0)), 413, "too_long")
        assert problem["longest"] == 5
        assert "5 seconds" in problem["error"]
        assert left_behind(clinic.settings.data_dir) == NOTHING
        assert (await clinic.upload(media.recording("wav", 5.0))).status_code == 202


async def test_an_upload_for_which_too_many_wait_is_told_when_to_come_back(tmp_path):
    audio = PyAvAudioDecoder(checks_at_once=1, checks_waiting=0)
    async with open_clinic(tmp_path, audio=audio) as clinic:
        # A child looks at a FLAC; a plain WAV is checked at once.
        uploads = (clinic.upload(media.recording("flac", 1.0, number)) for number in range(1, 4))
        answers = await asyncio.gather(*uploads)
        refused = [each for each in answers if each.status_code != 202]
        assert len(refused) < len(answers)
        for each in refused:
            check_problem(each, 503, "checks_busy")
            assert each.headers["Retry-After"] == "30"
        assert refused
