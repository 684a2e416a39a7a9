"""Text folded for comparison and search, in Hebrew and English alike.

Plain text is Unicode NFKC without case, combining marks (Hebrew points among them) and invisible
characters (direction marks, soft hyphens). Folding also drops apostrophes and quotes inside words, so
that צה"ל and צה״ל are the same, and replaces final letters by regular ones, so that חלום is a prefix of
חלומות. A query finds a session if it is part of one of its fields, or if each of its words is a prefix
of a word of the transcript. Single letters are no prefixes: beside longer words they are not looked for in
the transcript, and alone they are whole words of it.

Texts and queries are compared in several forms. The folded one never changes, because stores keep it; the
loose one has no hyphens, points or quotes, and what an older program stored without it is found by the forms
of the query.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+")
_QUOTE = re.compile(r"(?<=[^\W_])['’׳״\"”]+(?=[^\W_])")
_FINALS = str.maketrans("ךםןףץ", "כמנפצ")
_ANY_QUOTE = "'’‘ʼ`´′׳״\"”“„″"
_LOOSE_QUOTE = re.compile(rf"(?<=[^\W_])[{_ANY_QUOTE}]+|[{_ANY_QUOTE}]+(?=[^\W_])")
_SEPARATOR = re.compile(r"[-‐‑‒–—־/.,]")
_DAY = re.compile(r"(\d{1,2}) (\d{1,2}) (\d{4})|(\d{4}) (\d{1,2}) (\d{1,2})", re.ASCII)
_DROPPED = {"Mn", "Cf"}


_SIGNS = str.maketrans("−٫⁄∕∶", "-.//:")


def plain_digits(text: str) -> str:
    """Return a typed number, date or time with ASCII digits and signs, without invisible characters.

    Digits of every script become 0 to 9, every dash "-"; surrounding blanks are dropped.
    """
    if text.isascii():  # all but a few, and twenty times faster
        return text.strip()
    shown = (each for each in unicodedata.normalize("NFKC", text.translate(_SIGNS)))
    return "".join(map(_plain_sign, shown)).strip()


def _plain_sign(letter: str) -> str:
    match unicodedata.category(letter):
        case "Nd":
            return str(unicodedata.decimal(letter))
        case "Pd":
            return "-"
        case "Cf":
            return ""
        case _:
            return letter


def plain(text: str) -> str:
    """Return the text without case, marks, invisible characters and repeated blanks."""
    if text.isascii():  # all English, and ten times faster
        return " ".join(text.lower().split())
    lower = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", lower).casefold()
    bare = "".join(letter for letter in apart if unicodedata.category(letter) not in _DROPPED)
    return " ".join(bare.split())


def fold(text: str) -> str:
    """Return the plain text without quotes inside words and without Hebrew final letters."""
    unquoted = _QUOTE.sub("", plain(text))
    return unquoted if unquoted.isascii() else unquoted.translate(_FINALS)


def loose(text: str) -> str:
    """Return the folded text without quotes at words, with a blank for hyphens, points, commas and slashes.

    Digits of every script are ASCII.
    """
    unquoted = _LOOSE_QUOTE.sub("", fold(text))
    digits = unquoted if unquoted.isascii() else "".join(map(_plain_sign, unquoted))
    return " ".join(_SEPARATOR.sub(" ", digits).split())


def text_forms(text: str) -> tuple[str, ...]:
    """Return the forms of a text that a query is looked for in; a name also with its parts swapped."""
    return _distinct(fold(text), loose(text), loose(_swapped(text)))


def query_forms(query: str) -> tuple[str, ...]:
    """Return the forms of a query: it finds a text if one of them is part of one of the text's forms.

    Those with hyphens find what was stored without the loose form, e.g. dates and double names.
    """
    simple = loose(query)
    if day := _DAY.fullmatch(simple):
        simple = " ".join(part.zfill(2) for part in day.groups() if part)
    forms = (fold(query), simple, loose(_swapped(query)))
    return _distinct(*forms, simple.replace(" ", "-"), simple.replace(" ", "־"))


def _swapped(name: str) -> str:
    """Return "Bar, Noa" as "Noa Bar"; "" for a text without exactly one comma."""
    last, comma, first = name.partition(",")
    return f"{first} {last}" if comma and "," not in first else ""


def _distinct(*forms: str) -> tuple[str, ...]:
    return tuple(form for form in dict.fromkeys(forms) if form)


def words_of(text: str) -> list[str]:
    """Return the folded words of a text, without punctuation; "don't" is one word."""
    return _WORD.findall(fold(text))


class SpokenWords(NamedTuple):
    """The words of a query that a transcript must have: beginnings of words, or else whole ones."""

    beginnings: tuple[str, ...]
    whole: tuple[str, ...]


def spoken_words(query: str) -> SpokenWords:
    """Return the words to look for in transcripts; what one letter begins is nearly all that is said."""
    words = tuple(dict.fromkeys(words_of(query)))
    if beginnings := tuple(word for word in words if len(word) > 1):
        return SpokenWords(beginnings, ())
    return SpokenWords((), words)


def normalise(text: str) -> str:
    """Return the folded words of a text, joined by single blanks."""
    return " ".join(words_of(text))


def distinct_words(texts: Iterable[str]) -> tuple[str, ...]:
    """Return every distinct folded word of the texts, sorted."""
    return tuple(sorted({word for text in texts for word in words_of(text)}))


def finds(query: str, *, fields: Iterable[str], words: Iterable[str]) -> bool:
    """Return whether a query finds something with these fields (any text) and these folded words."""
    if not fold(query):
        return False
    asked, known_forms = query_forms(query), [form for each in fields for form in text_forms(each)]
    if any(form in each for form in asked for each in known_forms):
        return True
    wanted, known = spoken_words(query), tuple(words)
    if wanted.whole:
        return {*wanted.whole} <= {*known}
    beginnings = wanted.beginnings
    return bool(beginnings) and all(
        any(word.startswith(each) for word in known) for each in beginnings
    )
