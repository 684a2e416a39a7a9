"""A practice's vocabulary: what may be in it, and what it makes of what was heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import a_version, said
from therapy.domain.errors import InvalidInput
from therapy.domain.scoring import to_score
from therapy.domain.transcript import NO_SPEECH_LIKELY, VOCABULARY, Utterance, Word
from therapy.domain.vocabulary import (
    LONGEST_TERM,
    MOST_CORRECTIONS,
    MOST_HINTS,
    MOST_TERMS,
    Correction,
    Vocabulary,
    checked,
)
from therapy.domain.vocabulary_corrections import Corrector


def heard(text: str, **changes: object) -> Utterance:
    """A line whose words last 400 ms each, 100 ms apart."""
    words = tuple(
        Word(word, 500 * n, 500 * n + 400, 0.5 + n / 100) for n, word in enumerate(text.split())
    )
    return said(0, text, words=words, end_ms=words[-1].end_ms, **changes)


def corrected(text: str, *pairs: tuple[str, str]) -> Utterance:
    (line,) = Corrector(Correction(*each) for each in pairs).corrected([heard(text)])
    assert " ".join(word.text for word in line.words) == line.text
    return line


@pytest.mark.parametrize(
    ("text", "pairs", "becomes"),
    [
        ("I take sir taline.", [("sir taline", "sertraline")], "I take sertraline."),
        ("SIR Taline, I said", [("sir taline", "sertraline")], "sertraline, I said"),
        ("“Jonson” left", [("jonson", "Johnson")], "“Johnson” left"),
        ("Jonsons left", [("jonson", "Johnson")], "Jonsons left"),
        ("johnson left", [("johnson", "Johnson")], "Johnson left"),
        ("a b c", [("a", "x"), ("a b", "y"), ("a b c d", "z")], "y c"),
        ("a b a b c", [("a b c", "y")], "a b y"),
        ("a a a", [("a a", "b")], "b a"),
        ("I met Jon. Son of Dana.", [("jon son", "Johnson")], "I met Jon. Son of Dana."),
        ("see the doctor.", [("doctor", "Dr.")], "see the Dr."),
        ("a.b a b", [("a.b", "x")], "x a b"),
        ("aXb .* [a-z]+", [(".* a", "x"), ("[a-z]+", "y")], "aXb .* [y"),
        ("לקחתי צפרלקס, היום", [("צפרלקס", "ציפרלקס")], "לקחתי ציפרלקס, היום"),
        ("לָקַחְתִּי ציפר לקס", [("צִיפֶר לקס", "ציפרלקס")], "לָקַחְתִּי ציפרלקס"),
        ("ג'ורג' בא", [("ג׳ורג׳", "ג׳ורדן")], "ג׳ורדן' בא"),
        ("\u200fצפרלקס\u200f היום", [("צפרלקס", "ציפרלקס")], "\u200fציפרלקס\u200f היום"),
        ("בית־חולים שלוותה", [("בית חולים", "x"), ("שלוותה", "שלוותא")], "בית־חולים שלוותא"),
        ("cafe\u0301 noir", [("café noir", "Café Noir")], "Café Noir"),
    ],
)
def test_whole_words_are_corrected_the_longest_first(
    text: str, pairs: list[tuple[str, str]], becomes: str
) -> None:
    assert corrected(text, *pairs).text == becomes


def test_a_corrected_line_says_so_and_has_what_was_heard_and_its_words_keep_their_times() -> None:
    line = corrected("I met Jonson and sir taline", ("jonson", "Johnson"), ("sir taline", "x"))
    assert (line.text, line.heard, line.flags, line.edited) == (
        "I met Johnson and x",
        "I met Jonson and sir taline",
        (VOCABULARY,),
        False,
    )
    assert line.words == (
        Word("I", 0, 400, 0.5),
        Word("met", 500, 900, 0.51),
        Word("Johnson", 1_000, 1_400, 0.52),
        Word("and", 1_500, 1_900, 0.53),
        Word("x", 2_000, 2_900, 0.54),
    )


def test_more_words_than_were_heard_share_their_time() -> None:
    line = corrected("so cbt works", ("CBT", "cognitive behavioural therapy"))
    times = [(each.start_ms, each.end_ms) for each in line.words]
    assert (times[0], times[1][0], times[3][1], times[4]) == ((0, 400), 500, 900, (1_000, 1_400))
    assert times == sorted(times)


def test_lines_in_which_nothing_is_corrected_stay_the_same() -> None:
    lines = [heard("all is well"), said(5_000, "no words here")]
    assert Corrector([Correction("sir", "x")]).corrected(lines) == tuple(lines)
    assert Corrector([]).corrected(lines) == tuple(lines)
    (line,) = Corrector([Correction("no", "x")]).corrected(lines[1:])
    assert (line.text, line.words) == ("x words here", ())


def test_a_corrected_line_is_not_in_doubt_but_for_doubts_of_its_own() -> None:
    lines = (
        heard("sir", flags=(VOCABULARY,)),
        heard("sir", flags=(NO_SPEECH_LIKELY, VOCABULARY)),
    )
    assert [each.doubts for each in lines] == [(), (NO_SPEECH_LIKELY,)]
    assert to_score(a_version(lines)) == (0,)


words = st.sampled_from(["a", "b", "c", "לא", "A,", "b."])
texts = st.lists(words, min_size=1, max_size=12).map(" ".join)
pairs = st.lists(st.tuples(texts, texts), max_size=5)


@given(texts, pairs)
def test_words_are_in_order_and_what_was_heard_is_never_lost(
    text: str, corrections: list[tuple[str, str]]
) -> None:
    line = corrected(text, *corrections)
    starts = [each.start_ms for each in line.words]
    assert starts == sorted(starts)
    assert all(each.start_ms <= each.end_ms <= line.end_ms for each in line.words)
    assert (line.heard or line.text) == text
    assert bool(line.heard) == (VOCABULARY in line.flags) == (line.text != text)


def test_hostile_corrections_are_made_in_the_time_of_others() -> None:
    longest = LONGEST_TERM // 2 - 3
    corrections = [
        Correction("a " * (1 + each % longest) + f"e{each}", "x")
        for each in range(MOST_CORRECTIONS)
    ]
    assert checked(Vocabulary((), tuple(corrections))).corrections
    (line,) = Corrector(corrections).corrected([said(0, "a " * 20_000)])
    assert line.heard == ""
    (line,) = Corrector([Correction("a " * 49 + "a", "x")]).corrected([said(0, "a " * 20_000)])
    assert line.text == " ".join(["x"] * 400)


@pytest.mark.parametrize(
    ("vocabulary", "field", "code"),
    [
        (Vocabulary(("x",) * (MOST_TERMS + 1)), "terms", "too_many_terms"),
        (Vocabulary(("x",) * 10_000), "terms", "too_many_terms"),
        (
            Vocabulary((), (Correction("x", "y"),) * (MOST_CORRECTIONS + 1)),
            "corrections",
            "too_many_corrections",
        ),
        (Vocabulary(("x", "y" * (LONGEST_TERM + 1))), "terms[1]", "too_long_term"),
        (Vocabulary(("", "x")), "terms[0]", "no_word"),
        (Vocabulary((" — 😀",)), "terms[0]", "no_word"),
        (Vocabulary((), (Correction("", "x"),)), "corrections[0].heard", "no_word"),
        (Vocabulary((), (Correction("x", "…"),)), "corrections[0].correct", "no_word"),
        (
            Vocabulary((), (Correction("Sir, taline", "x"), Correction("sir taline", "y"))),
            "corrections[1].heard",
            "corrected_twice",
        ),
    ],
)
def test_what_is_too_much_or_no_word_is_refused_by_its_place(
    vocabulary: Vocabulary, field: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked(vocabulary)
    assert (caught.value.field, caught.value.code) == (field, code)


def test_as_much_as_is_allowed_is_taken_with_single_blanks_and_each_term_once() -> None:
    terms = tuple(f"term {n}" for n in range(MOST_TERMS - 1))
    corrections = tuple(Correction(f"heard {n}", f" right  {n}") for n in range(MOST_CORRECTIONS))
    found = checked(Vocabulary((*terms, " term   0 "), corrections))
    assert (found.terms, found.corrections[7]) == (terms, Correction("heard 7", "right 7"))
    assert len(found.hints) == MOST_HINTS
    assert found.hints[-2:] == ("term 498", "right 0")
    checked(Vocabulary(("x" * LONGEST_TERM,)))
