"""The conversation engine goes on from its checkpoints: the real SDK against the fake of its service."""

from __future__ import annotations

import pytest

from tests.azure.speech_fakes import done, lines, phrases, said, seconds, talking_to
from tests.builders import PRACTICE
from tests.emulators.speech import FakeSpeech
from therapy.adapters.azure.speech.conversation_checkpoints import (
    OVERLAP_MS,
    Earlier,
    Settled,
    Voices,
    earlier,
)
from therapy.domain.transcript import Utterance
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import SpeechCheckpoint, SpeechEvent, SpeechOptions

LONG = 180
"""Seconds of a talk."""

TALK = phrases(LONG // 3)
LOCALES = ("en-US",)


async def heard(fake: FakeSpeech, *states: bytes, every_ms: int = 0) -> list[SpeechEvent]:
    options = SpeechOptions(LOCALES, checkpoint_ms=every_ms, checkpoints=states)
    events = talking_to(fake).transcribe(PRACTICE, seconds(LONG), options)
    return [each async for each in events]


@pytest.mark.slow
async def test_a_later_try_sends_only_what_no_checkpoint_has_and_a_minute_and_knows_the_voices(
    fake_speech: FakeSpeech,
) -> None:
    fake_speech.phrases = TALK
    whole = await heard(fake_speech, every_ms=10_000)
    states = [each.state for each in whole if isinstance(each, SpeechCheckpoint)]
    assert len(states) > 10
    kept = states[:9]  # the rest was not written when the worker was killed
    begin_ms = earlier(kept, LOCALES).begin_ms
    assert begin_ms > 10_000
    numbered_anew = {"Guest-1": "Guest-2", "Guest-2": "Guest-1"}
    fake_speech.phrases = [
        each | {"at": each["at"] - begin_ms, "speaker": numbered_anew[each["speaker"]]}
        for each in TALK
        if each["at"] > begin_ms
    ]
    resumed = await heard(fake_speech, b"no state", *kept[::-1])
    assert lines(resumed) == lines(whole) == said(TALK)
    assert [each.words for each in resumed if isinstance(each, Utterance)] == [
        each.words for each in whole if isinstance(each, Utterance)
    ]
    again = fake_speech.calls[-1]["audio_bytes"] // BYTES_PER_MS
    assert done(resumed).resumed_ms == begin_ms == LONG * 1000 - again
    assert done(resumed).duration_ms == done(whole).duration_ms


def a_line(second: int, voice: str) -> Utterance:
    return Utterance(second * 1000, (second + 2) * 1000, "Some words.", voice=voice)


def settled(*lines: Utterance, until_ms: int) -> Earlier:
    return Earlier(until_ms, lines)


def test_a_voice_that_was_silent_in_the_minute_heard_again_is_the_only_one_left_if_no_more_speak():
    before = settled(a_line(0, "1"), a_line(100, "2"), until_ms=120_000)
    assert before.begin_ms == 120_000 - OVERLAP_MS
    for people, other in ((2, "1"), (0, "3")):
        voices = Voices(before, people)
        voices.hear_again(a_line(100, "1"))
        assert [voices.name(guest) for guest in ("1", "2", "", "1")] == ["2", other, "", "2"]


def test_states_of_other_languages_are_ignored_and_none_is_used_after_a_gap():
    writer = Settled(0, LOCALES, 10_000)
    states = []
    for second in range(0, 120, 5):
        writer.add(a_line(second, "1"), ("en-US", 2_000))
        states += [state] if (state := writer.complete((second + 2) * 1000)) else []
    whole = earlier(states, LOCALES)
    assert whole.until_ms > 60_000
    assert [each.start_ms for each in whole.utterances] == [
        *range(0, whole.until_ms - 1_000, 5_000)
    ]
    assert earlier(states, ("he-IL",)) == Earlier()
    without_second = earlier([states[0], *states[2:]], LOCALES)
    assert without_second == earlier(states[:1], LOCALES)
    assert earlier([*states, states[1]], LOCALES) == whole
