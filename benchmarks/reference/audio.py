"""Converts a recording with pydub, as the earlier stack did: the whole of it in memory, 16 kHz stereo."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydub import AudioSegment

RATE = 16_000


@dataclass(frozen=True)
class Converted:
    """A WAV file of 16 kHz, 16 bit, two channels, and how long it lasts."""

    path: Path
    seconds: float


@contextmanager
def converted(recording: bytes, suffix: str) -> Iterator[Converted]:
    """Yield the recording as a WAV file; it and the recording as it came are files until the end.

    Raises pydub.exceptions.CouldntDecodeError for what is no audio. Anything but WAV needs `ffmpeg`.
    """
    with tempfile.TemporaryDirectory(prefix="reference-job-") as folder:
        raw, wav = Path(folder) / f"raw{suffix}", Path(folder) / "converted.wav"
        raw.write_bytes(recording)
        sound = AudioSegment.from_file(raw)
        sound = sound.set_frame_rate(RATE).set_channels(2).set_sample_width(2)
        sound.export(wav, format="wav").close()
        yield Converted(wav, sound.duration_seconds)
