"""Whisper: recognises the words of a segment, and tells what it thinks of them itself.

Decoding never draws random numbers, so that a recording has the same words each time it is recognised.
"""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.adapters.local.speech.whisper_weights import (
    SHA256,
    broken,
    directory_of,
    missing,
    primary,
)
from therapy.domain.errors import EngineFailed, LanguageNotSupported
from therapy.domain.transcript import Word
from therapy.ports.audio import SAMPLE_RATE

DIRECTION_MARKS = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Unicode's explicit marks of direction, as `str.translate` drops them: a line shows its own direction."""

Line = tuple[Word, ...]


@dataclass(frozen=True)
class Window:
    """What was found in at most 30 s that were decoded together: its lines, and the decoder's own measures.

    `log_probability` is the mean of a token, `compression` the length of the text divided by that of its
    zlib form (repeated text compresses well), `no_speech` the probability that nobody speaks.
    """

    lines: tuple[Line, ...]
    log_probability: float
    compression: float
    no_speech: float

    @property
    def words(self) -> Line:
        """All words, in order."""
        return tuple(word for line in self.lines for word in line)


@dataclass(frozen=True)
class Decoding:
    """How to decode: how many ways of going on to follow, and how much to shun what was just said."""

    beam: int = 1
    penalty: float = 1.0


class Whisper:
    """A loaded model. Its methods may be called from `threads` threads at once."""

    def __init__(self, model: str, cache: Path, threads: int) -> None:
        directory = directory_of(model, cache)
        self.name = f"whisper {model if model in SHA256 else directory.name}"
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise missing("therapy[local]") from None
        try:
            # One core per segment: two segments in parallel are faster than one on two cores.
            self._model = WhisperModel(
                str(directory),
                device="cpu",
                compute_type="int8",
                cpu_threads=1,
                num_workers=threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError, KeyError, MemoryError) as exc:
            raise (no_memory() if out_of_memory(exc) else broken(model)) from None

    @property
    def multilingual(self) -> bool:
        """Whether it can tell languages apart."""
        return bool(self._model.model.is_multilingual)

    def known(self, languages: Sequence[str]) -> tuple[str, ...]:
        """Return those of the tags that the model supports; LanguageNotSupported if there are none."""
        supported = set(self._model.supported_languages)
        found = tuple(tag for tag in languages if primary(tag) in supported)
        if not found:
            raise LanguageNotSupported(languages=", ".join(languages))
        return found

    def chances(self, samples: NDArray[np.float32]) -> dict[str, float]:
        """Return the probability of each language, by Whisper's names; only of a multilingual model."""
        *_, found = self._model.detect_language(audio=samples)
        return dict(found)

    def windows(self, segment: SpeechSegment, language: str, how: Decoding) -> tuple[Window, ...]:
        """Return what is said in a segment, in a language of Whisper's; times are of the recording."""
        found, _ = self._model.transcribe(
            segment.samples,
            language=language,
            beam_size=how.beam,
            repetition_penalty=how.penalty,
            temperature=0.0,
            # What is doubtful is judged by us, from the measures, and tried again without chance.
            compression_ratio_threshold=None,
            log_prob_threshold=None,
            no_speech_threshold=None,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        return tuple(
            _window(list(parts), segment) for _, parts in groupby(found, key=lambda part: part.seek)
        )


def _window(parts: Sequence[Any], segment: SpeechSegment) -> Window:
    offset, end = segment.start * 1000 // SAMPLE_RATE, segment.end * 1000 // SAMPLE_RATE
    first = parts[0]
    return Window(
        tuple(tuple(whole_words(part.words or (), offset, end)) for part in parts),
        float(first.avg_logprob),
        float(first.compression_ratio),
        float(first.no_speech_prob),
    )


def whole_words(recognised: Sequence[Any], offset: int, end: int) -> Iterator[Word]:
    """Yield whole words, without direction marks: the multilingual model begins lines of Hebrew with one.

    What Whisper returns without a leading space continues the word before. `offset` and `end` are the
    segment's, in milliseconds.
    """
    pending: Word | None = None
    for each in recognised:
        start_ms = min(offset + round(float(each.start) * 1000), end)
        end_ms = min(max(offset + round(float(each.end) * 1000), start_ms), end)
        heard = each.word.translate(DIRECTION_MARKS)
        word = Word(heard.strip(), start_ms, end_ms, round(float(each.probability), 3))
        if pending is None or not pending.text:
            pending = word
        elif heard.startswith(" "):
            yield pending
            pending = word
        else:
            sure = min(pending.confidence, word.confidence)
            pending = Word(pending.text + word.text, pending.start_ms, end_ms, sure)
    if pending is not None and pending.text:
        yield pending


def out_of_memory(exc: BaseException) -> bool:
    """Return whether an error of Python, CTranslate2 or onnxruntime means too little memory.

    The latter two raise a RuntimeError, or an exception of their own, for everything, so that only its text
    tells: std::bad_alloc, "mkl_malloc: failed to allocate memory", "Failed to allocate memory for requested
    buffer".
    """
    if isinstance(exc, OSError):
        return exc.errno == errno.ENOMEM
    is_of_an_engine = isinstance(exc, RuntimeError) or type(exc).__module__.startswith(
        "onnxruntime"
    )
    return isinstance(exc, MemoryError) or (is_of_an_engine and "alloc" in str(exc))


def no_memory() -> EngineFailed:
    """Return the error for too little memory, which may be there later."""
    return EngineFailed("not_enough_memory")
