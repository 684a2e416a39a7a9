"""Every code that the code names has a sentence in both languages, and no sentence shows a gap."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import therapy
from therapy.domain import errors
from therapy.domain.messages import TEXTS, advice, sentence
from therapy.domain.preferred_language import LANGUAGES, preferred

PACKAGE = Path(therapy.__file__).parent
SOURCES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
PLACES = {"InvalidInput": 1, "problem": 2, "_give_up": 2, "sentence": 0, "advice": 0}
"""Which argument of a call is a code; of every other error it is the first."""

ERRORS = {name for name, each in vars(errors).items() if isinstance(each, type)}
NO_SENTENCES = {code for code in TEXTS if code.endswith(("_title", "_subject"))}
HEBREW, LATIN = re.compile(r"[א-ת]"), re.compile(r"[A-Za-z]")


def codes_in(tree: ast.AST) -> set[str]:
    """The codes of error classes, of errors raised with one, and of sentences asked for."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
                found.add(code)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                place = PLACES.get(name, 0)
                if name in ERRORS | {*PLACES} and len(args) > place:
                    found |= {part.value for part in ast.walk(args[place]) if is_code(part)}
                if name in ERRORS | {"failed"}:
                    found |= {each.value.value for each in node.keywords if given_code(each)}
    return found


def is_code(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def given_code(keyword: ast.keyword) -> bool:
    return keyword.arg == "code" and is_code(keyword.value)


@pytest.mark.slow
def test_every_code_in_the_source_has_texts():
    """One test for all files: with one for each, most of the time would go into starting tests."""
    missing = {}
    for name, path in SOURCES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                node.values = []  # a code that is put together is the business of its own test
        missing[name] = codes_in(tree) - set(TEXTS) - {""}
    assert missing
    assert not {name: codes for name, codes in missing.items() if codes}


def test_the_scan_finds_codes():
    tree = ast.parse(Path(errors.__file__).read_text(encoding="utf-8"))
    assert codes_in(tree) >= {"error", "invalid", "not_found", "decode", "lease_lost"}
    raised = 'raise InvalidInput("field", "no_such" if x else "other")\nfailed(run, code="third")'
    assert codes_in(ast.parse(raised)) == {"no_such", "other", "third"}


@pytest.mark.parametrize("code", TEXTS)
def test_every_text_is_in_both_languages(code):
    english, hebrew, *more = TEXTS[code]
    for text in (english, *more[:1]):
        assert LATIN.search(text)
        assert not HEBREW.search(text)
    for text in (hebrew, *more[1:]):
        assert HEBREW.search(text)
    assert set(placeholders(english)) == set(placeholders(hebrew))
    assert not [name for text in more for name in placeholders(text)]


def placeholders(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name is not None]


@pytest.mark.parametrize("code", sorted({*TEXTS, "never heard of"}))
def test_sentences_are_whole_and_have_no_gaps(code):
    for language in LANGUAGES:
        for text in (sentence(code, language), advice(code, language)):
            assert "{" not in text
            assert "  " not in text
            if text and code not in NO_SENTENCES:
                assert text.endswith(".")
                assert text[0] == text[0].upper()


def test_pushes_are_these_constants():
    said = {
        "session_ready_title": ("Recording ready", "ההקלטה מוכנה"),
        "session_ready_body": ("A recording is ready for your review.", "הקלטה ממתינה לסקירה שלך."),
        "session_failed_title": ("Recording", "הקלטה"),
        "session_failed_body": ("A recording needs your attention.", "הקלטה זקוקה לתשומת לבך."),
    }
    assert said == {code: (sentence(code, "en"), sentence(code, "he")) for code in said}
    assert not any(placeholders(text) for code in said for text in TEXTS[code])


def test_details_are_filled_in():
    assert sentence("duplicate_recording", "en", session="s1").endswith("as session s1.")
    assert (
        sentence("too_large", "en", limit=2 * 1024**3) == "The data you sent is larger than 2 GiB."
    )
    assert sentence("too_large", "he", limit=1536 * 1024) == "מה שנשלח גדול מ-1.5 MiB."
    assert "longer than 4 hours," in sentence("too_long", "en", longest="14400")
    assert "longer than 90 minutes," in sentence("too_long", "en", longest=5_400)
    assert "ארוכה מ-61 שניות," in sentence("too_long", "he", longest=61)
    assert sentence("too_large", "en", limit=10) == "The data you sent is larger than 10 B."
    assert sentence("required", "he", field="patient.id") == "השדה patient.id חסר או ריק."
    letter = sentence("reset_mail_body", "en", token="abc-DEF_123", minutes=30)
    assert "\n\nabc-DEF_123\n\n" in letter
    assert "within 30 minutes" in letter


def test_what_a_stranger_sent_as_a_name_cannot_break_a_sentence():
    assert sentence("invalid", "en", field="{token}\x00\n") == "The field {token} is not valid."
    assert len(sentence("invalid", "en", field="x" * 5000)) < 300
    assert sentence("invalid", "en", field="\x00") == "The field that was sent is not valid."


def test_an_unknown_code_gets_the_general_sentence_and_no_advice():
    assert sentence("never heard of", "en") == "Something went wrong."
    assert advice("never heard of", "he") == ""


@pytest.mark.parametrize("language", ["he", "he-IL", "iw", "iw_IL", "HE"])
def test_hebrew_has_many_names(language):
    assert sentence("not_signed_in", language) == "יש להתחבר."


@pytest.mark.parametrize("language", ["en", "en-US", "fr", "", "hebrew"])
def test_anything_else_is_english(language):
    assert sentence("not_signed_in", language) == "Please sign in."


@pytest.mark.parametrize(
    ("header", "default", "language"),
    [
        (None, "en", "en"),
        (None, "he", "he"),
        (None, "iw-IL", "he"),
        (None, "klingon", "en"),
        ("", "he", "he"),
        ("he", "en", "he"),
        ("he-IL,he;q=0.9,en-US;q=0.8,en;q=0.7", "en", "he"),
        ("en-US,en;q=0.9,he;q=0.8", "he", "en"),
        ("iw-IL, en;q=0.5", "en", "he"),
        ("en;q=0.3, he;q=0.7", "en", "he"),
        ("en, he", "he", "en"),
        ("fr, de;q=0.9", "he", "he"),
        ("fr, he;q=0.1", "en", "he"),
        ("*", "he", "he"),
        ("he;q=0.3, *;q=0.8", "he", "en"),
        ("he, *", "en", "he"),
        ("en;q=0", "en", "he"),
        ("en;q=0, he;q=0", "en", "en"),
        ("*;q=0", "he", "he"),
        ("en;q=0, *", "en", "he"),
        ("he;q=abc, en;q=0.1", "he", "en"),
        ("he;q=2, en;q=0.1", "he", "en"),
        ("he;q=-1", "en", "en"),
        ("he;level=1;q=0.2, en;q=0.1", "en", "he"),
        ("en;q=0.5;q=0.1, he ; q = 0.4", "he", "en"),
        (";;,,=;q=,", "he", "he"),
    ],
)
def test_the_language_is_the_one_that_is_preferred(header, default, language):
    assert preferred(header, default) == language


@given(st.text() | st.text(alphabet="enhiw-*;q=01., ", max_size=60), st.text(max_size=5))
def test_no_header_raises(header, default):
    assert preferred(header, default) in LANGUAGES


@given(
    st.sampled_from(sorted(TEXTS)),
    st.text(),
    st.dictionaries(st.sampled_from(["field", "limit"]), st.text() | st.integers()),
)
def test_no_detail_raises(code, language, details):
    assert sentence(code, language, **details)


def test_a_failure_names_languages_in_the_readers_own():
    found = {"languages": "en-US, iw", "heard": "es"}
    assert sentence("language", "en", **found) == (
        "This recording could not be understood in English, Hebrew; it may be in Spanish."
    )
    assert "אנגלית, עברית" in sentence("language", "he", **found)
    assert "tlh" in sentence("language", "en", languages="tlh")
