"""How a segment is decoded: in which language, and again where a loop or a gap shows that it went wrong."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from therapy.adapters.local.speech.recording_words import RecordingWords
from therapy.adapters.local.speech.segment_words import (
    AGAIN,
    SHUNNING,
    SegmentWords,
    segment_words,
    usual,
)
from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.adapters.local.speech.whisper import Decoding, Window, out_of_memory, whole_words
from therapy.adapters.local.speech.whisper_weights import chosen_model, lacking
from therapy.adapters.local.speech.word_doubts import DoubtedWord
from therapy.domain.errors import LanguageNotSupported
from therapy.domain.transcript import GUESS, OTHER_LANGUAGE, Coverage, Word

RATE = 16_000
FIRST = Decoding()


class Decoder:
    """Says what it is told to, and notes how it was asked."""

    def __init__(
        self,
        said: dict[Decoding, Sequence[Window]],
        chances: dict[str, float] | None = None,
        *,
        alone: dict[Decoding, Sequence[Window]] | None = None,
    ) -> None:
        self.said, self.likely = said, chances or {}
        self.alone = alone or said  # what is said in part of a segment
        self.asked: list[tuple[str, Decoding, float]] = []

    @property
    def multilingual(self) -> bool:
        return bool(self.likely)

    def chances(self, samples) -> dict[str, float]:
        assert len(samples)
        return self.likely

    def windows(self, segment: SpeechSegment, language: str, how: Decoding) -> Sequence[Window]:
        seconds = len(segment.samples) / RATE
        self.asked.append((language, how, seconds))
        said = (self.alone if segment.start else self.said).get(how, ())
        inside = [
            tuple(
                word
                for word in window.words
                if segment.start <= word.start_ms * RATE // 1000 < segment.end
            )
            for window in said
        ]
        return [
            Window((words,), window.log_probability, window.compression, window.no_speech)
            for words, window in zip(inside, said, strict=True)
            if words
        ]


def talk(
    *seconds: int, likely: float = -0.2, compression: float = 1.5, sure: float = 0.9
) -> Window:
    """A word in each of these seconds."""
    words = tuple(Word(f"word{at}", at * 1_000, at * 1_000 + 900, sure) for at in seconds)
    return Window((words,), likely, compression, 0.1)


def loop(first: int, words: int) -> Window:
    repeated = tuple(Word("yes", first * 1_000, first * 1_000, 0.99) for _ in range(words))
    return Window((repeated,), -0.1, 20, 0.1)


def segment(seconds: int = 12) -> SpeechSegment:
    return SpeechSegment(0, np.zeros(seconds * RATE, dtype=np.float32), [(0, seconds * RATE)])


def heard(decoder: Decoder, languages: Sequence[str] = ("en-US",)) -> SegmentWords:
    return segment_words(decoder, segment(), languages)  # type: ignore[arg-type] # a decoder without a model


ALL = range(12)


def test_a_segment_that_went_well_is_decoded_once():
    decoder = Decoder({FIRST: [talk(*ALL)]})
    found = heard(decoder)
    assert len(found.words) == 12
    assert found.coverage == Coverage(12_000, 0, 0)
    assert [how for _, how, _ in decoder.asked] == [FIRST]


def test_a_loop_is_decoded_once_more_with_a_penalty_for_repeating():
    decoder = Decoder({FIRST: [talk(0, 1), loop(2, 90)], SHUNNING: [talk(*ALL)]})
    assert len(heard(decoder).words) == 12
    assert [how for _, how, _ in decoder.asked] == [FIRST, SHUNNING]


def test_a_segment_that_is_hard_to_understand_is_decoded_again_and_the_likelier_words_count():
    better = Window(
        (tuple(Word("better", at * 1_000, at * 1_000 + 900) for at in ALL),), -0.6, 1, 0
    )
    decoder = Decoder({FIRST: [talk(*ALL, likely=-0.7)], AGAIN: [better]})
    assert {each.word.text for each in heard(decoder).words} == {"better"}
    decoder = Decoder({FIRST: [talk(*ALL, likely=-0.55)], AGAIN: [better]})
    assert "better" not in {each.word.text for each in heard(decoder).words}


def test_speech_without_words_is_decoded_again_with_more_ways_of_going_on():
    decoder = Decoder({FIRST: [talk(0, 1, 2)], AGAIN: [talk(*ALL)]})
    assert len(heard(decoder).words) == 12
    assert [how for _, how, _ in decoder.asked] == [FIRST, AGAIN]


def test_what_still_has_no_words_is_decoded_by_itself():
    decoder = Decoder({FIRST: [talk(0, 1, 2)]})
    assert heard(decoder).coverage == Coverage(12_000, 8_800, 8_800)
    (_, _, whole), (_, again, also_whole), (_, alone, part) = decoder.asked
    assert (whole, also_whole) == (12, 12)
    assert part == pytest.approx(9.1)
    assert again == alone == AGAIN


def test_guesses_fill_a_gap_only_where_nothing_else_does_and_are_flagged():
    decoder = Decoder({FIRST: [talk(0, 1, 2)], AGAIN: [talk(*ALL, likely=-1.5)]})
    found = heard(decoder)
    assert [each.flags for each in found.words] == [()] * 3 + [(GUESS,)] * 9
    assert found.coverage.longest_ms == 0


def test_unsure_words_that_fill_a_gap_are_guesses_if_a_beam_of_one_gives_guesses():
    unsure = talk(5, 6, 7, 8, 9, 10, 11, sure=0.65)
    clear = talk(0, 1, 2, 3, 4)
    guesses = talk(5, 6, 7, 8, 9, 10, 11, likely=-1.7, sure=0.3)
    alone = {FIRST: [guesses], AGAIN: [unsure]}
    found = heard(Decoder({FIRST: [clear], AGAIN: [clear]}, alone=alone)).words
    assert [GUESS in each.flags for each in found] == [False] * 5 + [True] * 7
    alone[FIRST] = [talk(5, 6, 7, 8, 9, 10, 11, likely=-0.5, sure=0.65)]
    found = heard(Decoder({FIRST: [clear], AGAIN: [clear]}, alone=alone)).words
    assert not any(each.flags for each in found)


def test_what_was_not_understood_is_not_searched_for_gaps():
    decoder = Decoder({FIRST: [talk(0, 1, 2, 3, likely=-1.5)]})
    assert {each.flags for each in heard(decoder).words} == {(GUESS,)}
    assert len(decoder.asked) == 1


HEBREW = usual("he", multilingual=True)


def test_with_several_languages_each_segment_is_recognised_in_its_own():
    decoder = Decoder(
        {HEBREW: [talk(*ALL)], AGAIN: [talk(*ALL)]}, {"en": 0.2, "he": 0.7, "ar": 0.1}
    )
    assert heard(decoder, ("en-US", "he-IL")).language == "he-IL"
    decoder.likely = {"en": 0.7, "he": 0.2}
    assert heard(decoder, ("en-US", "iw")).language == "en-US"
    assert [language for language, *_ in decoder.asked] == ["he", "en"]


def test_another_language_that_is_clear_is_recognised_as_such_and_flagged():
    decoder = Decoder({AGAIN: [talk(*ALL)]}, {"es": 0.9, "en": 0.05})
    found = heard(decoder)
    assert found.other == "es"
    assert {each.flags for each in found.words} == {(OTHER_LANGUAGE,)}


def test_another_language_that_is_only_somewhat_likelier_is_not_believed():
    decoder = Decoder({AGAIN: [talk(*ALL)]}, {"cy": 0.6, "en": 0.3})
    found = heard(decoder)
    assert (found.language, found.other) == ("en-US", "")


def gathered(*found: SegmentWords) -> RecordingWords:
    words = RecordingWords(("en-US", "he-IL"))
    for each in found:
        words.add(each)
    return words


def some(count: int, *flags: str, other: str = "", language: str = "en-US") -> SegmentWords:
    words = tuple(
        DoubtedWord(Word("word", at * 1_000, at * 1_000 + 500), flags) for at in range(count)
    )
    return SegmentWords(words, Coverage(count * 1_000, 0, 0), language, other)


def test_a_recording_that_was_mostly_not_understood_fails_and_names_what_was_heard():
    with pytest.raises(LanguageNotSupported) as failed:
        gathered(some(5), some(6, OTHER_LANGUAGE, other="es")).refuse_if_not_understood()
    assert failed.value.details == {"languages": "en-US, he-IL", "heard": "es"}


def test_a_recording_that_was_mostly_understood_does_not_fail():
    gathered(some(6), some(5, GUESS)).refuse_if_not_understood()
    gathered().refuse_if_not_understood()


def test_a_few_words_are_too_little_to_fail():
    gathered(some(2, GUESS)).refuse_if_not_understood()


def test_the_language_of_a_recording_is_that_of_most_words():
    assert gathered(some(5), some(6, language="he-IL")).language == "he-IL"
    assert gathered().language == ""


@pytest.mark.parametrize(
    ("model", "languages", "installed", "expected"),
    [
        ("tiny.en", ("he-IL", "en-US"), True, "tiny.en"),
        ("base", ("en-US",), True, "base"),
        ("/srv/model", ("fr",), True, "/srv/model"),
        ("auto", ("en-US", "en-GB"), True, "tiny.en"),
        ("auto", ("he-IL", "en-US"), True, "base"),
        ("auto", ("he-IL", "en-US"), False, "tiny.en"),
        ("auto", ("he-IL",), False, "base"),
    ],
)
def test_the_model_follows_from_the_languages(model, languages, installed, expected):
    assert chosen_model(model, languages, lambda _: installed) == expected


def test_the_english_model_refuses_and_names_other_languages():
    with pytest.raises(LanguageNotSupported):
        chosen_model("tiny.en", ("he-IL",))
    assert lacking("tiny.en", ("he-IL", "en-GB", "fr")) == ("he-IL", "fr")
    assert lacking("base", ("he-IL", "en-GB")) == ()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("mkl_malloc: failed to allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("File model.bin is incomplete"), False),
        (OSError(2, "No such file"), False),
        (ValueError("alloc"), False),
    ],
)
def test_too_little_memory_is_told_from_a_damaged_model(error, expected):
    assert out_of_memory(error) is expected


def test_too_little_memory_of_onnxruntime_is_known_by_exceptions_of_its_own():
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

    said = "Failed to allocate memory for requested buffer of size 1024"
    assert not issubclass(RuntimeException, RuntimeError)
    assert out_of_memory(RuntimeException(said))
    assert not out_of_memory(Fail("Load model failed: Protobuf parsing failed"))


def test_words_are_whole_and_have_no_direction_marks():
    heard = [
        (" \u202bשלום", 0.9),
        (" \u202b", 0.2),
        ("ו", 0.7),
        ("טוב.\u202c", 0.8),
        (" \u200f", 0.1),
        ("\u200f טוב", 0.6),
    ]
    parts = [
        SimpleNamespace(word=word, start=at, end=at + 1, probability=sure)
        for at, (word, sure) in enumerate(heard)
    ]
    assert list(whole_words(parts, 500, 60_000)) == [
        Word("שלום", 500, 1_500, 0.9),
        Word("וטוב.", 2_500, 4_500, 0.7),
        Word("טוב", 5_500, 6_500, 0.6),
    ]
