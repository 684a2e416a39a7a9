"""How well a transcript matches a reference: word error rate and the share of words per speaker.

jiwer aligns reference and heard words with the fewest edits:
word error rate = (substitutions + deletions + insertions) / reference words, as in NIST sclite;
speaker share = reference words heard at their place by the right speaker / reference words, that is
1 - WDER of El Shafey et al. 2019 ("Joint Speech Recognition and Speaker Diarization"), with words
that were not heard counted as wrong. jiwer knows no speakers, and no Hebrew points.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import jiwer

Turn = tuple[str, str]
"""Who speaks and what is said."""

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "׳": "", "״": "", "`": "'"})
_QUOTE_IN_WORD = re.compile(r'(?<=[֐-׿])["\'](?=[֐-׿])')
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_AT_THEIR_PLACE = frozenset({"equal", "substitute"})


def spoken_words(text: str) -> list[str]:
    """Return the words of a text as they are compared.

    Lower case, no punctuation, hyphens part words; apostrophes count inside English words only;
    Hebrew points (niqqud) and the quotes inside abbreviations are dropped.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    letters = "".join(each for each in plain if unicodedata.category(each) != "Mn")
    return _WORD.findall(_QUOTE_IN_WORD.sub("", letters).casefold())


def word_error_rate(reference: str, heard: str) -> float:
    """Return (S + D + I) / N over `spoken_words`; without reference words, how many were heard."""
    return float(_compared(spoken_words(reference), spoken_words(heard)).wer)


def speaker_share(reference: Sequence[Turn], heard: Sequence[Turn]) -> float:
    """Return the share of the reference's words that the right speaker said; 1.0 if it has none."""
    wanted, got = _words(reference), _words(heard)
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
