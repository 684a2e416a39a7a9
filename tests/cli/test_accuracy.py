"""Word error rate and speaker share, on examples that can be counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local.voices import voice_share
from therapy.domain.transcript import Utterance
from therapy.entrypoints.cli.accuracy import speaker_share, spoken_words, word_error_rate

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
        ("", "a b", 2),
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
    heard = [("Therapist", "how are you"), ("Patient", "not well I slept badly")]
    assert speaker_share(REFERENCE, heard) == 1
    assert speaker_share([], []) == 1
    assert speaker_share([], heard) == 1


def test_missing_and_misattributed_words_count_as_wrong():
    heard = [("Therapist", "how are you not"), ("Patient", "well I slept")]
    assert speaker_share(REFERENCE, heard) == 6 / 8
    assert speaker_share(REFERENCE, []) == 0


def test_a_word_that_was_misheard_counts_for_whoever_said_it():
    heard = [("Therapist", "how were you"), ("Patient", "not well he slept badly")]
    assert speaker_share(REFERENCE, heard) == 1


def test_unknown_speech_is_nobodys():
    heard = [("Unknown", "how are you"), ("Patient", "not well I slept badly")]
    assert speaker_share(REFERENCE, heard) == 5 / 8


def voices(*turns: tuple[str, str]) -> list[Utterance]:
    return [Utterance(0, 1, text, voice=voice) for voice, text in turns]


def test_voices_are_named_in_the_best_way():
    heard = voices(("7", "how are you"), ("3", "not well I slept badly"))
    assert voice_share(REFERENCE, heard) == 1
    assert voice_share(REFERENCE, heard[:1]) == 3 / 8
    assert voice_share(REFERENCE, voices(("", "how are you")) + heard[1:]) == 5 / 8
    assert voice_share(REFERENCE, []) == 0
    assert voice_share([], heard) == 1


WORDS = st.lists(st.sampled_from("abc"), max_size=80)


@given(WORDS.filter(bool), WORDS)
def test_the_rate_is_that_of_the_fewest_edits(wanted, got):
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, start=1):
        last, row = row, [i]
        for j, other in enumerate(got, start=1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (word != other)))
    rate = word_error_rate(" ".join(wanted), " ".join(got))
    assert rate == pytest.approx(row[-1] / len(wanted))


def test_an_hours_transcript_is_compared_whole():
    reference = " ".join(f"word{number % 700}" for number in range(9_000))
    rate = word_error_rate(reference, reference.replace("word13 ", ""))
    assert rate == pytest.approx(13 / 9_000)
