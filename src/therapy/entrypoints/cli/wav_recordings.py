"""WAV recordings like the app's: 44.1 kHz mono 16 bit, with a header written before the length is known."""

import math
import secrets
from array import array
from pathlib import Path

from therapy.domain.media_headers import wav_header
from therapy.entrypoints.cli.faults.error_messages import CommandFailed

RATE = 44_100
TOO_MUCH = 444
"""Bytes that the app's header states but that never come, because it is an estimate."""

DEMO, REFERENCE = "session-demo.ogg", "session-demo.json"
HISS_SAMPLES = 2_205
"""50 ms of faint noise, which makes two recordings of the same speech different."""


def demo_file(name: str) -> Path:
    """Return the path of a demo file: beside the code if installed, in examples/ in a checkout.

    Raises:
        CommandFailed: it is in neither place.
    """
    here = Path(__file__).resolve()
    for folder in (here.parent / "examples", here.parents[4] / "examples"):
        if (folder / name).is_file():
            return folder / name
    raise CommandFailed(f"the demo recording {name} is missing; install therapy again")


def decoded(path: Path, seconds: float = math.inf) -> bytes:
    """Return the first seconds of any recording, decoded to the app's samples."""
    import av

    pcm, limit = bytearray(), seconds * RATE * 2
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(path) as container:
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                pcm += bytes(piece.planes[0])[: piece.samples * 2]
            if len(pcm) >= limit:
                break
        else:
            for piece in resampler.resample(None):
                pcm += bytes(piece.planes[0])[: piece.samples * 2]
    return bytes(pcm if len(pcm) <= limit else pcm[: int(limit) // 2 * 2])


def hummed(seconds: float) -> bytes:
    """Return samples of a soft tone: a recording without speech that needs no decoder."""
    step = 2 * math.pi * 220 / RATE
    return array(
        "h", (round(900 * math.sin(step * n)) for n in range(int(seconds * RATE)))
    ).tobytes()


def hissed(pcm: bytes) -> bytes:
    """Return the samples with a little random noise before them."""
    noise = array("h", (each % 17 - 8 for each in secrets.token_bytes(HISS_SAMPLES)))
    return noise.tobytes() + pcm


def app_wav(pcm: bytes) -> bytes:
    """Return a WAV like the app's: a header whose sizes are too large, then the samples."""
    return wav_header(len(pcm) + TOO_MUCH, RATE) + pcm
