"""Word times survive an edit: unchanged words keep theirs, new ones lie between their neighbours."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.builders import NOW, a_version, said
from tests.domain.edits import (
    Edit,
    added,
    deleted,
    demo,
    hebrew,
    merged,
    moved_down,
    replaced,
    respelled,
    sent,
    split,
    tracked,
    without_words,
)
from therapy.domain.edited_lines import EditedLine, EditedLines
from therapy.domain.transcript import (
    Line,
    Speaker,
    TranscriptVersion,
    Word,
    corrected,
    format_timestamp,
    in_order,
)
from therapy.domain.word_times import TYPED

ENGLISH: list[list[Edit]] = [
    [replaced("thing you fared did", "thing you feared did")],
    [respelled("sounds exhausting what", "sounds exhausting. What")],
    [respelled("in those moments.", "in those moments?")],
    [replaced("to practice it?", "to practise it?")],
    [replaced("that I'm not", "that I am not")],
    [respelled("support, spending", "support. Spending")],
    [respelled("upset, progress", "upset. Progress")],
    [respelled("happen for next", "happen. For next")],
    [added("My sister", "Dana")],
    [added("each worry,", "every evening,")],
    [replaced("difficult couple of", "hard few")],
    [deleted("Honestly, it has been a difficult couple of weeks.")],
    [deleted("OK.")],
    [deleted("And what did you imagine would happen in that meeting?")],
    [split("I feel terrible, and sometimes")],
    [split("How did that make", Speaker.THERAPIST)],
    [split("It actually helped"), split("I was really happy")],
    [merged("in that meeting?")],
    [merged("Thank you for sharing"), replaced("to practice it?", "to practise it?")],
    [moved_down("two weeks ago?")],
    [moved_down("on my own."), moved_down("out of control.")],
    [replaced("My manager", "My new manager"), replaced("on Sunday night", "last Sunday night")],
    [replaced("the worry came back,", "the fear came back,"), deleted("and I cried.")],
    [replaced("Good morning and welcome back.", "Hello.")],
    [respelled("Honestly, it", "HONESTLY it")],
    [added("straight line.", "Remember that.")],
    [respelled("by step.", "by step,"), added("by step,", "slowly, and without any hurry.")],
    [replaced("racing and I cannot breathe.", "pounding.")],
    [replaced("I can do that.", "Yes, I can do that."), merged("what really happened.")],
    [
        split("Thank you. I feel", Speaker.PATIENT),
        replaced("talking about it", "talking over it"),
        deleted("lovely"),
    ],
]  # fmt: skip

HEBREW: list[list[Edit]] = [
    [replaced("להצאת אותה,", "לראות אותך.")],
    [replaced("איריבח הלגע", "איך עבר עליך"), respelled("השבוע.", "השבוע?")],
    [replaced("כמתת ברלל.", "כמעט בכלל.")],
    [replaced("מה ככה בלילות", "מה קרה בלילות")],
    [replaced("אני שורף", "אני שוכב"), replaced("וגושב", "וחושב")],
    [replaced("מפרד שיאפת הוא אותי.", "מפחד שיפטרו אותי.")],
    [respelled("מתיש ממטי", "מתיש. ממטי"), replaced("ממטי את המחגיש קרה.", "ממתי אתה מרגיש ככה?")],
    [replaced("התלף,", "התחלף."), replaced("בבוקא.", "בבוקר.")],
    [replaced("לצץ מרגע", "לעצמך")],
    [replaced("לצצמי", "לעצמי"), replaced("משהולותו,", "משהו לא טוב.")],
    [replaced("גם הבשליש את הקשהוקטס.", "גם אבא שלי שתק כשהוא כעס.")],
    [replaced("חבוז", "הבוס"), replaced("לגאית", "לך את"), replaced("מהירגשת האז?", "מה הרגשת אז?")],
    [replaced("חציתי להיא עלם מתוות לשולדן.", "רציתי להיעלם מתחת לשולחן.")],
    [replaced("שסיפח תלי,", "שסיפרת לי."), replaced("משהוקטן", "משהו קטן")],
    [replaced("מוגן", "מוכן"), replaced("מפתיע.", "מבטיח.")],
    [respelled("שלום טוב", "שָׁלוֹם, טוֹב")],
    [respelled("שבוע קשה,", "שבוע קשה׃"), respelled("בסדר,", "בסדר.")],
    [respelled("בוא ננסה", "\u200fבוא ננסה\u200f")],
    [respelled("שלי התלף,", "\u2067שלי\u2069 התלף,"), replaced("שלום בבוקא.", "בוקר טוב.")],
    [added("אני שורף", "ער"), added("לגאית אבא,", "ז״ל,")],
    [added("לנסות,", "ג'ורג',"), added("מפתיע.", "😀")],
    [replaced("בסדר,", "או־קיי,"), added("עד הפגישה", "הבאה־הבאה")],
    [deleted("כמתת"), replaced("ברלל.", "בכלל.")],
    [deleted("מה ככה בלילות האלה?")],
    [deleted("אותה, איריבח הלגע"), respelled("השבוע.", "השבוע?")],
    [split("לא ישנתי"), split("הוא לא", Speaker.PATIENT)],
    [split("ממטי את", Speaker.THERAPIST), replaced("זה נשמע", "זה ממש נשמע")],
    [merged("להצאת אותה,"), merged("בלילות האלה?"), respelled("על העבודה,", "על העבודה.")],
    [moved_down("השבוע."), moved_down("כשהוא שותק?")],
    [
        replaced("היה לי", "עבר עליי"),
        added("עליי שבוע", "נורא"),
        replaced("הוא לא", "היא לא"), replaced("אומר לי שלום", "אומרת לי שלום"),
        added("לשולדן.", "כמו אז, כשהייתי ילד."),
    ],
]  # fmt: skip


def correct(parent: TranscriptVersion, lines: list[Line]) -> TranscriptVersion:
    return corrected(parent, lines, number=parent.number + 1, at=NOW, author_id="olivia")


def check(version: TranscriptVersion) -> None:
    """Words are those of the text, in order, and within their line."""
    for each in version.utterances:
        if each.words:
            assert [word.text.strip() for word in each.words] == each.text.split()
        times = [each.start_ms, *(word.start_ms for word in each.words), each.end_ms]
        assert times == sorted(times)
        assert all(word.start_ms <= word.end_ms <= each.end_ms for word in each.words)


CORRECTIONS = [(demo, each) for each in ENGLISH] + [(hebrew, each) for each in HEBREW]


def test_there_are_thirty_corrections_in_each_language() -> None:
    assert (len(ENGLISH), len(HEBREW)) == (30, 30)


@pytest.mark.parametrize("language", [demo, hebrew])
def test_nearly_all_unchanged_words_keep_their_times_and_new_ones_lie_between_their_neighbours(
    language,
) -> None:
    kept = unchanged = 0
    for edits in (each for whose, each in CORRECTIONS if whose is language):
        parent = language()
        lines = tracked(parent)
        for edit in edits:
            edit(lines)
        version = correct(parent, sent(lines))
        check(version)
        for line, utterance in zip(lines, version.utterances, strict=True):
            assert utterance.words, utterance.text
            for now, word in zip(line.words, utterance.words, strict=True):
                if now.was is None:
                    assert word.confidence == TYPED
                    continue
                unchanged += 1
                kept += (now.was.start_ms, now.was.end_ms, now.was.confidence) == (
                    word.start_ms,
                    word.end_ms,
                    word.confidence,
                )
        for before, word, after in new_words(version):
            assert before <= word.start_ms <= word.end_ms <= after
    assert kept >= 0.95 * unchanged, (kept, unchanged)


def new_words(version: TranscriptVersion) -> Iterator[tuple[int, Word, int]]:
    """Each new word, the end of the heard one before it or its line's start, the start of the next."""
    for line in version.utterances:
        words = line.words
        for place, word in enumerate(words):
            if word.confidence == TYPED:
                before = [each.end_ms for each in words[:place] if each.confidence != TYPED]
                after = [each.start_ms for each in words[place:] if each.confidence != TYPED]
                yield [line.start_ms, *before][-1], word, [*after, line.end_ms][0]


def heard(start_ms: int, text: str, **changes) -> object:
    """An utterance whose words last 400 ms each, 100 ms apart."""
    words = tuple(
        Word(word, start_ms + 500 * n, start_ms + 500 * n + 400, 0.9)
        for n, word in enumerate(text.split())
    )
    return said(start_ms, text, words=words, end_ms=words[-1].end_ms, **changes)


def edited(text: str, *lines: tuple[str, str]) -> list[list[tuple[str, int, int]]]:
    """The words of the lines (timestamp, text) that a transcript of one line, heard from 1 s on, becomes."""
    version = correct(
        a_version([heard(1_000, text)]),
        [Line(Speaker.PATIENT, each, at) for at, each in lines],
    )
    check(version)
    return [[(w.text, w.start_ms, w.end_ms) for w in each.words] for each in version.utterances]


def test_a_misheard_word_is_corrected_at_its_time() -> None:
    (words,) = edited("I met Jonson there", ("0:01", "I met Johnson there"))
    assert words[2] == ("Johnson", 2_000, 2_400)


def test_words_in_whose_place_there_are_fewer_or_more_share_their_time_by_their_letters() -> None:
    (words,) = edited("a therapist oh so b", ("0:01", "a therapy sofa stop b"))
    assert words == [
        ("a", 1_000, 1_400),
        ("therapy", 1_500, 1_900),
        ("sofa", 2_000, 2_400),
        ("stop", 2_500, 2_900),
        ("b", 3_000, 3_400),
    ]
    (words,) = edited("a therapist oh b", ("0:01", "a then no one but I b"))
    times = [(1_500, 1_776), (1_776, 1_915), (1_915, 2_123), (2_123, 2_330), (2_330, 2_400)]
    assert [each[1:] for each in words[1:-1]] == times


def test_an_added_word_is_in_the_pause_where_it_was_added() -> None:
    (words,) = edited("I slept", ("0:01", "I really slept well"))
    assert words == [
        ("I", 1_000, 1_400),
        ("really", 1_400, 1_500),
        ("slept", 1_500, 1_900),
        ("well", 1_900, 1_900),
    ]


def test_a_line_that_was_split_off_takes_its_words_along_and_the_first_part_ends_before_it() -> (
    None
):
    parent = a_version([heard(1_000, "how are you I am fine")])
    lines = [
        Line(Speaker.THERAPIST, "how are you?", "0:01"),
        Line(Speaker.PATIENT, "I am fine", "0:02.5"),
    ]
    first, second = correct(parent, lines).utterances
    assert [(each.start_ms, each.end_ms) for each in (first, second)] == [
        (1_000, 2_500),
        (2_500, 60_000),
    ]
    assert [each.start_ms for each in second.words] == [2_500, 3_000, 3_500]


def test_a_line_that_takes_over_the_next_one_reaches_to_its_end() -> None:
    parent = a_version([heard(1_000, "how are you"), heard(5_000, "I am fine")])
    (line,) = correct(parent, [Line(Speaker.PATIENT, "how are you I am fine", "0:01")]).utterances
    assert (line.end_ms, line.words[3:]) == (6_400, parent.utterances[1].words)


def test_a_line_that_takes_over_the_next_one_reaches_to_its_end_also_if_its_own_is_sent() -> None:
    parent = a_version([heard(1_000, "how are you"), heard(5_000, "I am fine")])
    sent_lines = EditedLines(
        [EditedLine(1_000, Speaker.PATIENT, "how are you I am fine", parent.utterances[0].end_ms)]
    )
    version = sent_lines.version(parent, number=2, at=NOW, author_id="olivia")
    check(version)
    assert version.utterances[0].end_ms == 6_400
    assert sent_lines.made(parent, version)


def test_a_typed_line_has_no_words_and_no_line_takes_a_single_word_from_elsewhere() -> None:
    parent = a_version([heard(1_000, "how are you"), heard(5_000, "now the end")])
    lines = [
        Line(Speaker.PATIENT, "how are you the", "0:01"),
        Line(Speaker.PATIENT, "Bye", "0:20"),
    ]
    first, second = correct(parent, lines).utterances
    assert (first.words[-1].text, first.words[-1].start_ms) == ("the", 2_400)
    assert (second.words, second.word_confidence) == ((), 1.0)


def test_what_was_heard_decides_on_the_confidence_of_an_edited_line() -> None:
    parent = a_version([heard(1_000, "I met Jonson")])
    (line,) = correct(parent, [Line(Speaker.PATIENT, "I met Johnson", "0:01")]).utterances
    assert [each.confidence for each in line.words] == [0.9, 0.9, TYPED]
    assert line.word_confidence == 0.9


def test_a_transcript_without_words_gets_none() -> None:
    parent = without_words(demo())
    lines = sent(tracked(demo()))
    lines[0] = replace(lines[0], text="Good evening and welcome back.")
    assert not any(each.words for each in correct(parent, lines).utterances)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Slept", "slept,"),
        ("don’t", "don't"),
        ("שלום", "שָׁלוֹם"),
        ("שלום", "שלומ."),
        ("צה״ל", 'צה"ל'),
        ("ג׳ירפה", "ג'ירפה"),
        ("שבת", "\u200fשבת\u200e"),
        ("שבת", "\u2067שבת\u2069"),
        ("בית־ספר", "בית-ספר"),
        ("café", unicodedata.normalize("NFD", "café")),
        ("\ufb2aלום", "שלום"),
        ("👍", "👍\ufe0f"),
        ("１２", "12"),
    ],
)
def test_a_word_that_is_written_in_another_way_is_the_same(before: str, after: str) -> None:
    ((one, word, two),) = edited(f"x {before} y", ("0:01", f"x {after} y"))
    assert (one[1], word, two[1]) == (1_000, (after, 1_500, 1_900), 2_000)


words = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "A,",
        "לא",
        "לֹא",
        "שבת־שלום",
        "ג׳",
        "\u200fכן",
        "😀",
        "e\u0301",
        "é",
        "—",
        "don’t",
    ]
)
texts = st.lists(words, min_size=1, max_size=8).map(" ".join)


@st.composite
def versions(draw: st.DrawFn) -> TranscriptVersion:
    at, lines = 0, []
    for _ in range(draw(st.integers(1, 6))):
        at += draw(st.integers(0, 900))
        start, said_words = at, []
        for text in draw(texts).split():
            length = draw(st.integers(1, 300))
            said_words.append(Word(text, at, at + length, draw(st.sampled_from([0.3, 1.0]))))
            at += length + draw(st.sampled_from([0, 50]))
        text = " ".join(each.text for each in said_words)
        lines.append(said(start, text, words=tuple(said_words), end_ms=at))
        at += 1
    return a_version(in_order(lines), duration_ms=at + 500)


@given(versions(), st.data())
def test_after_any_edit_words_are_in_order_in_their_line_and_unchanged_lines_as_they_were(
    parent: TranscriptVersion, data: st.DataObject
) -> None:
    starts = [each.start_ms for each in parent.utterances]
    times = data.draw(
        st.lists(
            st.sampled_from(starts) | st.integers(0, 6_000), min_size=1, max_size=8, unique=True
        )
    )
    old = {each.start_ms: each.text for each in parent.utterances}
    lines = [
        Line(
            Speaker.PATIENT,
            data.draw(texts | st.just(old.get(at, "x"))),
            format_timestamp(at),
        )
        for at in times
    ]
    version = correct(parent, lines)
    check(version)
    known = {(each.start_ms, each.text): each for each in parent.utterances}
    for each in version.utterances:
        if same := known.get((each.start_ms, each.text)):
            assert each == same
    assert correct(parent, lines) == version


@given(versions())
def test_an_unchanged_text_is_identical(parent: TranscriptVersion) -> None:
    lines = [
        Line(each.speaker, each.text, format_timestamp(each.start_ms)) for each in parent.utterances
    ]
    assert correct(parent, lines).utterances == parent.utterances


def test_twenty_thousand_equal_words_in_one_line_keep_their_times() -> None:
    (line,) = edited(" ".join(["a"] * 20_000), ("0:01", " ".join(["b", "a"] * 10_000)))
    assert len(line) == 20_000
    assert all(
        (start, end - start) == (start // 500 * 500, 400) for w, start, end in line if w == "a"
    )
