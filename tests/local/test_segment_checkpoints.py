"""Checkpoints of the local engine: what fits a segment is used, and none is longer than a line may be."""

import numpy as np

from therapy.adapters.local.speech.engine import LINE_LIMIT
from therapy.adapters.local.speech.segment_checkpoints import SegmentCheckpoints
from therapy.adapters.local.speech.segment_words import SegmentWords
from therapy.adapters.local.speech.speaker_encoder import SIZE
from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.adapters.local.speech.voice_windows import VoiceWindows
from therapy.adapters.local.speech.word_doubts import DoubtedWord
from therapy.domain.transcript import Coverage, Word

HOW = ("whisper tiny.en", "en-US")
WORDS = SegmentWords((DoubtedWord(Word("well", 0, 400)),), Coverage(400, 0, 0), "en-US")


def a_segment(second: int, loudness: float = 0.1) -> SpeechSegment:
    return SpeechSegment(
        second * 16_000, np.full(16_000, loudness, dtype=np.float32), [(0, 16_000)]
    )


def windows(number: int) -> VoiceWindows:
    embeddings = np.arange(number * SIZE, dtype=np.float32).reshape(-1, SIZE)
    return VoiceWindows(np.arange(number * 2, dtype=np.int64).reshape(-1, 2), embeddings)


def the_state(*how: str) -> bytes:
    made = SegmentCheckpoints((), how or HOW, every_ms=1)
    made.add(a_segment(0), (WORDS, windows(3)))
    return made.complete(1_000)


def test_what_was_found_in_a_segment_comes_back_exactly_and_once():
    resumed = SegmentCheckpoints([the_state(), b"damaged"], HOW, every_ms=0)
    found = resumed.earlier(a_segment(0))
    assert found is not None
    assert found[0] == WORDS
    assert np.array_equal(found[1].embeddings, windows(3).embeddings)
    assert np.array_equal(found[1].spans_ms, windows(3).spans_ms)
    assert resumed.resumed_ms == 1_000
    assert resumed.earlier(a_segment(0)) is None


def test_another_place_other_samples_or_another_model_is_another_segment():
    for other in (a_segment(1), a_segment(0, 0.2)):
        assert SegmentCheckpoints([the_state()], HOW, every_ms=0).earlier(other) is None
    by_another = SegmentCheckpoints([the_state("whisper base", "en-US")], HOW, every_ms=0)
    assert by_another.earlier(a_segment(0)) is None


def test_a_checkpoint_that_grows_is_complete_before_it_is_too_long_for_a_line():
    made = SegmentCheckpoints((), HOW, every_ms=86_400_000)
    sizes = []
    for second in range(200):
        made.add(a_segment(second), (WORDS, windows(70)))
        sizes.append(len(made.complete(second * 1000)))
    assert sum(size > 0 for size in sizes) > 5
    assert max(sizes) * 4 / 3 < LINE_LIMIT / 2
