"""The words of a whole recording, gathered segment by segment, and what is known about them all."""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from therapy.adapters.local.speech.segment_words import ENOUGH_MS, SegmentWords
from therapy.adapters.local.speech.word_coverage import NONE, added
from therapy.adapters.local.speech.word_doubts import DoubtedWord, mostly_doubtful
from therapy.domain.errors import LanguageNotSupported
from therapy.domain.transcript import Coverage, VoicedWord, Word


class RecordingWords:
    """The words found so far, in time order; `languages` are the tags that were asked for."""

    def __init__(self, languages: Sequence[str]) -> None:
        self._languages = languages
        self._words: list[DoubtedWord] = []
        self._languages_of_words: Counter[str] = Counter()
        self._others: Counter[str] = Counter()
        self.coverage: Coverage = NONE

    def add(self, found: SegmentWords) -> None:
        """Add a segment's words."""
        self._words += found.words
        self.coverage = added(self.coverage, found.coverage)
        self._languages_of_words[found.language] += len(found.words)
        if found.other:
            self._others[found.other] += len(found.words)

    @property
    def language(self) -> str:
        """The tag of the language of most words; "" without words."""
        return max(self._languages, key=self._languages_of_words.__getitem__) if self._words else ""

    def plain(self) -> list[Word]:
        """Return the words without their doubts."""
        return [each.word for each in self._words]

    def flagged(self, voiced: Sequence[VoicedWord]) -> list[VoicedWord]:
        """Return the same words, now with voices, with their doubts."""
        return [
            replace(each, flags=doubted.flags)
            for each, doubted in zip(voiced, self._words, strict=True)
        ]

    def refuse_if_not_understood(self) -> None:
        """Do nothing, unless most of what was said was not understood.

        Raises:
            LanguageNotSupported: it names the languages that were asked for, and in `heard` Whisper's name
                of the one that was heard instead, where the model knows it.
        """
        if self.coverage.speech_ms < ENOUGH_MS or not mostly_doubtful(self._words):
            return
        heard = {"heard": self._others.most_common(1)[0][0]} if self._others else {}
        raise LanguageNotSupported(languages=", ".join(self._languages), **heard)
