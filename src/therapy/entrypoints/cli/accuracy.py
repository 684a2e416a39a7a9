"""The accuracy of a transcript against a reference: word error rate, and the share of right speakers.

jiwer aligns the words of the reference and of the transcript with the fewest edits:
word error rate = (substitutions + deletions + insertions) / reference words, as in NIST sclite;
speaker share = reference words aligned to a word of the right speaker / reference words, which is
1 - WDER of El Shafey et al. 2019 ("Joint Speech Recognition and Speaker Diarization"), with missing words
counted as wrong. jiwer itself knows neither speakers nor Hebrew points.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import jiwer

Turn = tuple[str, str]
"""A speaker and what they say."""

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "׳": "", "״": "", "`": "'"})
_QUOTE_IN_WORD = re.compile(r'(?<=[֐-׿])["\'](?=[֐-׿])')
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_AT_THEIR_PLACE = frozenset({"equal", "substitute"})


def spoken_words(text: str) -> list[str]:
    """Return the words of a text as they are compared.

    They are in lower case, without punctuation; hyphens separate words; apostrophes count inside English
    words only; Hebrew points (niqqud) and the quotes inside abbreviations are dropped.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    letters = "".join(each for each in plain if unicodedata.category(each) != "Mn")
    return _WORD.findall(_QUOTE_IN_WORD.sub("", letters).casefold())


def word_error_rate(reference: str, recognised: str) -> float:
    """Return (S + D + I) / N over `spoken_words`; if N is 0, the number of recognised words."""
    return float(_compared(spoken_words(reference), spoken_words(recognised)).wer)


def speaker_share(reference: Sequence[Turn], recognised: Sequence[Turn]) -> float:
    """Return the share of the reference's words that the right speaker said; 1.0 if it has none."""
    wanted, got = _words(reference), _words(recognised)
    compared = _compared([word for _, word in wanted], [word for _, word in got])
    right = 0
    for chunk in compared.alignments[0]:
        if chunk.type in _AT_THEIR_PLACE:
            pairs = zip(
                wanted[chunk.ref_start_idx : chunk.ref_end_idx],
                got[chunk.hyp_start_idx : chunk.hyp_end_idx],
                strict=True,
            )
            right += sum(speaker == other for (speaker, _), (other, _) in pairs)
    return right / len(wanted) if wanted else 1.0


def _words(turns: Iterable[Turn]) -> list[Turn]:
    return [(speaker, word) for speaker, text in turns for word in spoken_words(text)]


def _compared(wanted: Sequence[str], got: Sequence[str]) -> jiwer.WordOutput:
    return jiwer.process_words(" ".join(wanted), " ".join(got))
