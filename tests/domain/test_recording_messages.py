"""What is said of a recording that is not as it should be."""

import re

import pytest

from therapy.domain.audio_findings import Missing
from therapy.domain.recording_messages import (
    DOUBTS,
    REASONS,
    REMARKS,
    doubt,
    missing_sentence,
    remark_sentence,
)

HEBREW = re.compile("[א-ת]")


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "said"),
    [
        (600_000, 720_000, "2 minutes from 0:10:00"),
        (0, 1, "0.1 seconds from 0:00:00"),
        (1_999, 2_999, "1.0 seconds from 0:00:01"),
        (3_600_000, 3_609_999, "10.0 seconds from 1:00:00"),
        (3_600_000, 3_675_400, "75 seconds from 1:00:00"),
        (0, 119_600, "2 minutes from 0:00:00"),
        (7_325_000, 7_325_000 + 125_000, "2:05 minutes from 2:02:05"),
        (0, 7_200_000, "120 minutes from 0:00:00"),
    ],
)
def test_it_is_said_how_much_is_missing_and_from_where(start_ms, end_ms, said):
    sentence = missing_sentence(Missing(start_ms, end_ms, "damaged"), "en")
    assert sentence == f"{said} are missing: the recording is damaged there."


def test_between_two_recordings_nobody_knows_how_much_is_missing():
    gap = Missing(131_000, 133_400, "between_recordings")
    english, hebrew = (missing_sentence(gap, language) for language in ("en", "he"))
    assert english == (
        "The next recording begins at 0:02:13; how much time passed before it is not known."
    )
    assert "0:02:13" in hebrew
    assert HEBREW.search(hebrew)


def test_a_reason_without_words_is_left_out():
    assert (
        missing_sentence(Missing(0, 5_000, "new"), "en") == "5.0 seconds from 0:00:00 are missing."
    )
    assert missing_sentence(Missing(0, 5_000, "new"), "he") == "חסרות 5.0 שניות החל מ-0:00:00."


def test_every_sentence_is_there_in_both_languages():
    for texts in (REASONS, REMARKS, DOUBTS):
        for code, (english, hebrew) in texts.items():
            assert not HEBREW.search(english), code
            assert HEBREW.search(hebrew), code


def test_codes_without_words_are_shown_as_they_are():
    assert remark_sentence("new", "he") == doubt("new", "en") == "new"
    assert doubt("guess", "he-IL") == "המילים הן ניחוש"
