"""Recordings as the app makes them: 44.1 kHz mono 16 bit WAV, written before its length is known."""

import math
import secrets
from array import array
from pathlib import Path

from therapy.entrypoints.cli.error_messages import CommandFailed

RATE = 44_100
TOO_MUCH = 444
"""Bytes that the app's header promises and that never come: it is written from an estimate."""

DEMO, REFERENCE = "session-demo.ogg", "session-demo.json"
HISS_SAMPLES = 2_205
"""50 ms of faint noise: makes two recordings of the same speech different ones."""


def demo_file(name: str) -> Path:
    """Find a file of the packaged demo: beside the code where installed, in examples/ in a checkout.

    Raises:
        CommandFailed: it is in neither.
    """
    here = Path(__file__).resolve()
    for folder in (here.parent / "examples", here.parents[4] / "examples"):
        if (folder / name).is_file():
            return folder / name
    raise CommandFailed(f"the demo recording {name} is missing; install therapy again")


def decoded(path: Path, seconds: float = math.inf) -> bytes:
    """Decode the first seconds of any recording to the app's samples."""
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
    """Make a soft tone: a recording in which nobody speaks, without any decoder."""
    step = 2 * math.pi * 220 / RATE
    return array(
        "h", (round(900 * math.sin(step * n)) for n in range(int(seconds * RATE)))
    ).tobytes()


def hissed(pcm: bytes) -> bytes:
    """Put a little noise before the samples, other noise each time."""
    noise = array("h", (each % 17 - 8 for each in secrets.token_bytes(HISS_SAMPLES)))
    return noise.tobytes() + pcm


def app_wav(pcm: bytes) -> bytes:
    """Make the app's WAV: a header whose sizes are too large, then the samples."""
    sizes = [(len(pcm) + TOO_MUCH + 36, 4), (16, 4), (1, 2), (1, 2)]
    sizes += [(RATE, 4), (RATE * 2, 4), (2, 2), (16, 2), (len(pcm) + TOO_MUCH, 4)]
    riff, *form, length = [number.to_bytes(width, "little") for number, width in sizes]
    return b"".join([b"RIFF", riff, b"WAVEfmt ", *form, b"data", length, pcm])
