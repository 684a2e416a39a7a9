"""Findings of several recordings put on one timeline."""

from __future__ import annotations

from therapy.domain.audio_findings import GAP_MS, AudioFindings, Missing, joined, next_start


def test_the_next_recording_begins_after_a_gap_at_a_whole_level():
    assert [next_start(end) for end in (0, 1, 100, 250)] == [
        GAP_MS,
        GAP_MS + 100,
        GAP_MS + 100,
        GAP_MS + 300,
    ]


def test_what_is_missing_is_moved_and_the_gap_is_named():
    first = AudioFindings(250, (Missing(10, 20, "hole"),), ("several_tracks",))
    second = AudioFindings(1_000, (Missing(900, 1_000, "cut_off"),), ("several_tracks", "other"))
    found = joined([0, 2_300], [first, second], 3_300)
    assert found.duration_ms == 3_300
    assert found.missing == (
        Missing(10, 20, "hole"),
        Missing(250, 2_300, "between_recordings"),
        Missing(3_200, 3_300, "cut_off"),
    )
    assert found.remarks == ("several_tracks", "other")
    assert found.levels == ()


def test_levels_are_joined_where_every_recording_has_as_many_channels():
    first = AudioFindings(250, levels=(b"\x01\x01\x01", b"\x02\x02\x02"))
    second = AudioFindings(200, levels=(b"\x03\x03", b"\x04\x04"))
    found = joined([0, 2_300], [first, second], 2_500)
    assert found.levels == (
        b"\x01" * 3 + bytes(20) + b"\x03" * 2,
        b"\x02" * 3 + bytes(20) + b"\x04" * 2,
    )
    assert joined([0, 2_300], [first, AudioFindings(200)], 2_500).levels == ()
