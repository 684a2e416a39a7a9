"""How well an engine parts the voices, before anybody knows whose they are."""

from collections.abc import Sequence
from itertools import permutations

from therapy.domain.transcript import Utterance
from therapy.entrypoints.cli.accuracy import Turn, speaker_share


def voice_share(reference: Sequence[Turn], utterances: Sequence[Utterance]) -> float:
    """As `speaker_share`, with the engine's voices named as the reference's speakers in the best way."""
    names = sorted({speaker for speaker, _ in reference})
    voices = [*sorted({each.voice for each in utterances} - {""}), *[""] * len(names)]
    shares = []
    for way in permutations(voices, len(names)):  # a speaker may have no voice
        named = {voice: name for voice, name in zip(way, names, strict=True) if voice}
        heard = [(named.get(each.voice, ""), each.text) for each in utterances]
        shares.append(speaker_share(reference, heard))
    return max(shares)
