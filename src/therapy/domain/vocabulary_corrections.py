"""Corrections by a practice's vocabulary: words that an engine misheard are replaced, and the line says so.

Whole words are compared by how they sound (`word_alignment.keys_of`), so case, punctuation and Hebrew points
make no difference, and no pattern is interpreted. Of several corrections that fit at a word, the longest
counts. The words of all corrections are in one tree, so that the time grows with the text, not with their
number. Words keep their times, and what was recognised stays in the line.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple
from unicodedata import category

from msgspec.structs import replace

from therapy.domain.transcript import VOCABULARY, Utterance, Word
from therapy.domain.vocabulary import Correction, term_keys
from therapy.domain.word_alignment import keys_of
from therapy.domain.word_times import estimated

_SENTENCE_ENDS = (".", "?", "!", "…", "׃")
_PART_OF_WORDS = "׳״"


class _Node:
    """A word within the words of corrections: what may follow, and the words to put in if they end here."""

    __slots__ = ("correct", "following")

    def __init__(self) -> None:
        self.following: dict[str, _Node] = {}
        self.correct: tuple[str, ...] = ()


class _Found(NamedTuple):
    """Words from `first` to before `last` that a correction replaces."""

    first: int
    last: int
    correct: tuple[str, ...]


class Corrector:
    """Applies corrections to utterances."""

    def __init__(self, corrections: Iterable[Correction]) -> None:
        self._root = _Node()
        self._known: dict[str, str] = {}
        for each in corrections:
            node = self._root
            for word in term_keys(each.heard):
                node = node.following.setdefault(word, _Node())
            node.correct = tuple(each.correct.split())

    def corrected(self, utterances: Sequence[Utterance]) -> tuple[Utterance, ...]:
        """Return the utterances; those in which words were replaced have the flag `VOCABULARY`."""
        if not self._root.following:
            return tuple(utterances)
        return tuple(map(self._corrected, utterances))

    def _corrected(self, utterance: Utterance) -> Utterance:
        tokens = utterance.text.split()
        text = " ".join(self._replaced(tokens))
        if text == " ".join(tokens):
            return utterance
        return replace(
            utterance,
            text=text,
            words=tuple(self._timed(utterance.words)),
            flags=tuple(dict.fromkeys((*utterance.flags, VOCABULARY))),
            heard=utterance.heard or utterance.text,
        )

    def _replaced(self, tokens: Sequence[str]) -> Iterator[str]:
        at = 0
        for found in self._found(tokens):
            yield from tokens[at : found.first]
            yield from found.correct
            at = found.last
        yield from tokens[at:]

    def _timed(self, words: Sequence[Word]) -> Iterator[Word]:
        at = 0
        for found in self._found([each.text.strip() for each in words]):
            yield from words[at : found.first]
            old = words[found.first : found.last]
            sure = min(each.confidence for each in old)
            for each in estimated(found.correct, old, old[0].start_ms, old[-1].end_ms):
                yield Word(each.text, each.start_ms, each.end_ms, sure)
            at = found.last
        yield from words[at:]

    def _found(self, tokens: Sequence[str]) -> Iterator[_Found]:
        """Yield what is replaced in these words, in order, the longest at each."""
        keys = keys_of(tokens, self._known)
        at = 0
        while at < len(tokens):
            last, correct = self._longest(tokens, keys, at)
            if correct:
                yield _Found(at, last, _like(tokens[at], tokens[last - 1], correct))
            at = max(last, at + 1)

    def _longest(
        self, tokens: Sequence[str], keys: Sequence[str], at: int
    ) -> tuple[int, tuple[str, ...]]:
        """Return where the longest heard words from here on end, not beyond a sentence, and what is said."""
        node = self._root
        longest: tuple[int, tuple[str, ...]] = at, ()
        for place in range(at, len(keys)):
            if (following := node.following.get(keys[place])) is None:
                break
            node = following
            if node.correct:
                longest = place + 1, node.correct
            if tokens[place].endswith(_SENTENCE_ENDS):
                break
        return longest


def _like(first: str, last: str, correct: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words with the signs before the first heard one and behind the last, e.g. a comma."""
    before, behind = _signs(first), _signs(last[::-1])[::-1]
    words = [*correct]
    words[0] = words[0] if words[0].startswith(before) else before + words[0]
    words[-1] = words[-1] if words[-1].endswith(behind) else words[-1] + behind
    return tuple(words)


def _signs(word: str) -> str:
    """Return the punctuation and direction marks that a word begins with; a geresh belongs to the word."""
    signs = takewhile(lambda each: each not in _PART_OF_WORDS and category(each)[0] in "PC", word)
    return "".join(signs)
