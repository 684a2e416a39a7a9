"""A practice's vocabulary: names and terms that engines should know, and words that they keep mishearing.

It is clinical text: it is in no log, no error and no message of a queue.
"""

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.errors import InvalidInput
from therapy.domain.word_alignment import keys_of

MOST_TERMS = 500
"""So many terms a practice may have, which is what Azure's phrase lists take."""
MOST_CORRECTIONS = 500
LONGEST_TERM = 100
"""Characters of a term, and of either side of a correction."""
MOST_HINTS = 500
"""So many hints an engine gets: terms first, then what words are corrected to."""


class Correction(Struct, frozen=True):
    """What an engine hears, and what was said; both are whole words, taken literally."""

    heard: str
    correct: str


class Vocabulary(Struct, frozen=True, omit_defaults=True):
    """The vocabulary of a practice; `version` is 0 as long as nobody has written one."""

    terms: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    version: int = 0

    @property
    def hints(self) -> tuple[str, ...]:
        """Return what engines should expect to hear, each once, at most `MOST_HINTS`."""
        wanted = (*self.terms, *(each.correct for each in self.corrections))
        return tuple(dict.fromkeys(wanted))[:MOST_HINTS]


def checked(vocabulary: Vocabulary) -> Vocabulary:
    """Return the vocabulary with single blanks, and each term once.

    Raises:
        InvalidInput: too much, too long, without a letter or digit, or two corrections of the same words;
            names the field, never what is in it.
    """
    for name, most in (("terms", MOST_TERMS), ("corrections", MOST_CORRECTIONS)):
        if len(getattr(vocabulary, name)) > most:
            raise InvalidInput(name, f"too_many_{name}", most=most)
    terms = (_term(each, f"terms[{at}]") for at, each in enumerate(vocabulary.terms))
    corrections = [
        Correction(
            _term(each.heard, f"corrections[{at}].heard"),
            _term(each.correct, f"corrections[{at}].correct"),
        )
        for at, each in enumerate(vocabulary.corrections)
    ]
    known: set[tuple[str, ...]] = set()
    for at, each in enumerate(corrections):
        if (heard := term_keys(each.heard)) in known:
            raise InvalidInput(f"corrections[{at}].heard", "corrected_twice")
        known.add(heard)
    return replace(vocabulary, terms=tuple(dict.fromkeys(terms)), corrections=tuple(corrections))


def term_keys(text: str) -> tuple[str, ...]:
    """Return the words of a text as they are compared: how they sound, without those that have no letters."""
    return tuple(key for key in keys_of(text.split(), {}) if any(map(str.isalnum, key)))


def _term(text: str, field: str) -> str:
    term = " ".join(text.split())
    if len(term) > LONGEST_TERM:
        raise InvalidInput(field, "too_long_term", most=LONGEST_TERM)
    if not term_keys(term):
        raise InvalidInput(field, "no_word")
    return term
