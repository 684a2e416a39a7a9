"""Word error rate and speaker share, on examples that can be counted by hand."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.domain.accuracy import (
    align,
    speaker_share,
    spoken_words,
    voice_share,
    word_error_rate,
)
from therapy.domain.transcript import Speaker, Utterance


def said(*rows: tuple[Speaker, str, str]) -> list[Utterance]:
    return [Utterance(0, 1, text, speaker=speaker, voice=voice) for speaker, voice, text in rows]


REFERENCE = [("Therapist", "How are you?"), ("Patient", "Not well, I slept badly.")]


@pytest.mark.parametrize(
    ("reference", "heard", "rate"),
    [
        ("a b c d", "a b c d", 0),
        ("a b c d", "a x c d", 0.25),
        ("a b c d", "a c d", 0.25),
        ("a b c d", "a b b c d", 0.25),
        ("a b c d", "", 1),
        ("", "", 0),
        ("", "a", 1),
        ("Good morning, Anna!", "good morning anna", 0),
        ("I couldn’t", "I couldn't", 0),
        ("a follow-up", "a follow up", 0),
        ("it's", "its", 1),
        ("שָׁלוֹם, דני!", "שלום דני", 0),
        ('ד"ר לוי', "ד״ר לוי", 0),
        ("אני עייף מאוד היום", "אני עייף היום", 0.25),
    ],
)
def test_word_error_rate(reference, heard, rate):
    assert word_error_rate(reference, heard) == rate


def test_words_are_lower_case_without_punctuation():
    assert spoken_words("“Well…” she said—don’t  GO!") == ["well", "she", "said", "don't", "go"]


def test_every_word_by_the_right_speaker_is_a_share_of_one():
    heard = said(
        (Speaker.THERAPIST, "0", "how are you"), (Speaker.PATIENT, "1", "not well I slept badly")
    )
    assert speaker_share(REFERENCE, heard) == 1
    assert speaker_share([], []) == 1


def test_missing_and_misattributed_words_count_as_wrong():
    heard = said(
        (Speaker.THERAPIST, "0", "how are you not"), (Speaker.PATIENT, "1", "well I slept")
    )
    assert speaker_share(REFERENCE, heard) == 6 / 8


def test_unknown_speech_is_nobodys():
    heard = said(
        (Speaker.UNKNOWN, "", "how are you"), (Speaker.PATIENT, "1", "not well I slept badly")
    )
    assert speaker_share(REFERENCE, heard) == 5 / 8
    assert voice_share(REFERENCE, heard) == 5 / 8


def test_voices_are_named_in_the_best_way():
    heard = said(
        (Speaker.UNKNOWN, "7", "how are you"), (Speaker.UNKNOWN, "3", "not well I slept badly")
    )
    assert voice_share(REFERENCE, heard) == 1
    assert voice_share(REFERENCE, heard[:1]) == 3 / 8
    assert voice_share(REFERENCE, []) == 0
    assert voice_share([], heard) == 1


WORDS = st.lists(st.sampled_from("abc"), max_size=80)


@given(WORDS, WORDS)
def test_the_alignment_has_the_fewest_edits(wanted, got):
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, start=1):
        last, row = row, [i]
        for j, other in enumerate(got, start=1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (word != other)))
    pairs = align(wanted, got)
    edits = sum(1 for i, j in pairs if i is None or j is None or wanted[i] != got[j])
    assert edits == row[-1]
    assert [i for i, _ in pairs if i is not None] == list(range(len(wanted)))
    assert [j for _, j in pairs if j is not None] == list(range(len(got)))


def test_an_hours_transcript_is_compared_in_seconds():
    reference = " ".join(f"word{number % 700}" for number in range(9_000))
    begun = time.perf_counter()
    assert word_error_rate(reference, reference.replace("word13 ", "")) < 0.02
    assert time.perf_counter() - begun < 10
