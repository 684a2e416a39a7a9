"""How well a transcript matches a reference: word error rate and the share of words per speaker.

Both align reference and heard words with the least number of edits (Levenshtein 1966):
word error rate = (substitutions + deletions + insertions) / reference words, as in NIST sclite;
speaker share = reference words heard at their place by the right speaker / reference words, that is
1 - WDER of El Shafey et al. 2019 ("Joint Speech Recognition and Speaker Diarization"), with words
that were not heard counted as wrong.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import permutations

from therapy.domain.transcript import Utterance

Turn = tuple[str, str]
"""Who speaks and what is said, as the reference has it."""

Pair = tuple[str, str | None]

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "׳": "", "״": "", "`": "'"})
_QUOTE_IN_WORD = re.compile(r'(?<=[֐-׿])["\'](?=[֐-׿])')
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_FIRST_BAND = 32


def spoken_words(text: str) -> list[str]:
    """The words of a text as they are compared.

    Lower case, no punctuation, hyphens part words; apostrophes count inside English words only;
    Hebrew points (niqqud) and the quotes inside abbreviations are dropped.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    letters = "".join(each for each in plain if unicodedata.category(each) != "Mn")
    return _WORD.findall(_QUOTE_IN_WORD.sub("", letters).casefold())


def word_error_rate(reference: str, heard: str) -> float:
    """(S + D + I) / N over `spoken_words`; without reference words 0.0, or 1.0 if any were heard."""
    wanted, got = spoken_words(reference), spoken_words(heard)
    if not wanted:
        return 1.0 if got else 0.0
    pairs = align(wanted, got)
    wrong = sum(1 for i, j in pairs if i is None or j is None or wanted[i] != got[j])
    return wrong / len(wanted)


def speaker_share(reference: Sequence[Turn], utterances: Sequence[Utterance]) -> float:
    """Share of the reference's words that the right `speaker` said; 1.0 if the reference is empty."""
    heard = [(each.speaker.value, each.text) for each in utterances]
    met, words = _meetings(reference, heard)
    return (
        sum(count for (name, other), count in met.items() if name == other) / words
        if words
        else 1.0
    )


def voice_share(reference: Sequence[Turn], utterances: Sequence[Utterance]) -> float:
    """As `speaker_share`, with the engine's voices named as the reference's speakers in the best way."""
    met, words = _meetings(reference, [(each.voice, each.text) for each in utterances])
    if not words:
        return 1.0
    names = sorted({speaker for speaker, _ in reference})
    heard = sorted({voice for _, voice in met if voice})
    voices = [*heard, *[None] * len(names)]  # a speaker may have no voice
    ways = permutations(voices, len(names))
    return max(sum(met[pair] for pair in zip(names, way, strict=True)) for way in ways) / words


def _meetings(reference: Sequence[Turn], heard: Sequence[Turn]) -> tuple[Counter[Pair], int]:
    """How many words each speaker of the reference has in each heard voice; and all its words."""
    wanted = [(word, speaker) for speaker, text in reference for word in spoken_words(text)]
    got = [(word, voice) for voice, text in heard for word in spoken_words(text)]
    pairs = align([word for word, _ in wanted], [word for word, _ in got])
    met: Counter[Pair] = Counter(
        (wanted[i][1], got[j][1]) for i, j in pairs if i is not None and j is not None
    )
    return met, len(wanted)


def align(wanted: Sequence[str], got: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pair the words of both lists with the fewest edits; None stands for a missing partner.

    Only a band around the diagonal is filled, doubled until the answer fits (Ukkonen 1985), so an
    hour's good transcript takes seconds, not minutes.
    """
    band = max(_FIRST_BAND, 2 * abs(len(wanted) - len(got)))
    while True:
        rows = _band(wanted, got, band)
        edits = rows[-1].get(len(got))
        if edits is not None and (edits <= band or band > len(wanted) + len(got)):
            return _walk_back(wanted, got, rows)
        band *= 2


def _band(wanted: Sequence[str], got: Sequence[str], band: int) -> list[dict[int, int]]:
    """Edit distances of all prefixes that lie at most `band` off the diagonal."""
    far = len(wanted) + len(got) + 1
    rows = [{j: j for j in range(min(len(got), band) + 1)}]
    for i, word in enumerate(wanted, start=1):
        above, row, left = rows[-1], {}, far
        for j in range(max(0, i - band), min(len(got), i + band) + 1):
            best = min(above.get(j, far), left) + 1
            if j:
                best = min(best, above.get(j - 1, far) + (word != got[j - 1]))
            row[j] = left = best
        rows.append(row)
    return rows


def _walk_back(
    wanted: Sequence[str], got: Sequence[str], rows: Sequence[dict[int, int]]
) -> list[tuple[int | None, int | None]]:
    far = len(wanted) + len(got) + 1
    pairs: list[tuple[int | None, int | None]] = []
    i, j = len(wanted), len(got)
    while i or j:
        here = rows[i][j]
        if i and j and rows[i - 1].get(j - 1, far) + (wanted[i - 1] != got[j - 1]) == here:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and rows[i - 1].get(j, far) + 1 == here:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    pairs.reverse()
    return pairs
