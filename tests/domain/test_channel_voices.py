"""Voices by channels: whose word it is, whatever the engine thought of the voices."""

from hypothesis import given
from hypothesis import strategies as st

from therapy.domain.audio_findings import LEVEL_MS
from therapy.domain.channel_voices import with_channel_voices
from therapy.domain.transcript import LOOP, Utterance, VoicedWord, Word, join_words

QUIET, LOUD = 60, 200
TURN_MS = 1_200

TURNS = st.lists(st.integers(0, 1), min_size=1, max_size=12)
"""The channel on which each turn is spoken."""
GUESSES = st.lists(st.sampled_from(["", "0", "1", "2"]), min_size=12, max_size=12)
"""The voice that the engine gave each turn."""


def utterances(turns, guesses=("0",) * 12) -> tuple[Utterance, ...]:
    """Four words for each turn, with the voice that the engine guessed."""
    return join_words(
        VoicedWord(
            Word(f"w{turn}.{place}", start := turn * TURN_MS + place * 300, start + 250),
            guesses[turn],
        )
        for turn in range(len(turns))
        for place in range(4)
    )


def levels(turns, *, loud=(LOUD, LOUD), quiet=(QUIET, QUIET)) -> tuple[bytes, ...]:
    return tuple(
        b"".join(
            bytes([loud[channel] if turn == channel else quiet[channel]]) * (TURN_MS // LEVEL_MS)
            for turn in turns
        )
        for channel in (0, 1)
    )


def voices_by_turn(found) -> list[str]:
    by_turn = {
        int(word.text[1:].split(".")[0]): each.voice for each in found for word in each.words
    }
    return [by_turn[turn] for turn in sorted(by_turn)]


def in_order_of_speaking(turns) -> list[str]:
    return [str(int(turn != turns[0])) for turn in turns]


@given(TURNS, GUESSES)
def test_the_louder_channel_is_the_voice_whatever_the_engine_guessed(turns, guesses):
    found = with_channel_voices(utterances(turns, guesses), levels(turns))
    assert voices_by_turn(found) == in_order_of_speaking(turns)
    assert {each.confidence for each in found} == {1.0}


@given(TURNS, GUESSES)
def test_which_channel_is_which_does_not_count(turns, guesses):
    lines, sound = utterances(turns, guesses), levels(turns)
    assert with_channel_voices(lines, sound) == with_channel_voices(lines, sound[::-1])


@given(TURNS, st.lists(st.binary(max_size=200), min_size=2, max_size=4))
def test_no_word_is_lost_whatever_the_levels(turns, sound):
    lines = utterances(turns)
    found = with_channel_voices(lines, sound)
    assert [word for each in found for word in each.words] == [
        w for each in lines for w in each.words
    ]
    assert all(0 <= each.confidence <= 1 for each in found)


@given(TURNS, GUESSES)
def test_with_more_people_than_channels_the_voices_are_the_engines(turns, guesses):
    lines, sound = utterances(turns, guesses), levels(turns)
    assert with_channel_voices(lines, sound, people=3) == lines
    assert with_channel_voices(lines, sound, people=2) == with_channel_voices(lines, sound)


def test_a_channel_without_any_sound_is_nobodys():
    turns = [0, 1]
    lines, (first, second) = utterances(turns), levels(turns)
    dead = bytes(len(first))
    assert with_channel_voices(lines, (first, dead)) == lines
    assert with_channel_voices(lines, (dead, first, second)) == with_channel_voices(
        lines, (first, second)
    )


@given(TURNS, GUESSES, st.lists(st.binary(max_size=50), max_size=1))
def test_without_two_channels_nothing_changes(turns, guesses, sound):
    lines = utterances(turns, guesses)
    assert with_channel_voices(lines, sound) == lines


def test_where_both_are_equally_loud_nobody_is_the_voice():
    turns = [0, 0]
    found = with_channel_voices(utterances(turns), levels(turns, quiet=(LOUD, LOUD)))
    assert {(each.voice, each.confidence) for each in found} == {("", 0.0)}


def test_an_unclear_word_goes_with_the_words_before_it():
    line = utterances([1])
    first, second = (bytearray(channel) for channel in levels([1]))
    first[6:9] = second[6:9] = bytes([LOUD] * 3)  # the third word
    (found,) = with_channel_voices(line, (bytes(first), bytes(second)))
    assert (found.voice, found.text) == ("0", line[0].text)
    assert 0.7 < found.confidence < 0.8


def test_flags_stay_with_their_words():
    words = [Word("one", 0, 250), Word("two", 300, 550)]
    lines = join_words([VoicedWord(words[0], "0"), VoicedWord(words[1], "0", flags=(LOOP,))])
    found = with_channel_voices(lines, levels([0]))
    assert [(each.text, each.flags) for each in found] == [("one", ()), ("two", (LOOP,))]


def test_a_text_that_is_not_its_words_is_kept_and_gets_the_voice_of_its_time():
    lines = (
        Utterance(0, 1_100, "Ten o'clock.", words=(Word("10:00", 0, 900),)),
        *utterances([0, 1])[1:],
    )
    typed = Utterance(1_300, 2_300, "Yes.")
    found = with_channel_voices((*lines, typed), levels([0, 1]))
    assert [(each.text, each.voice) for each in found] == [("Ten o'clock.", "0"), ("Yes.", "1")]
