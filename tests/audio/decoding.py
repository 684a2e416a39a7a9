"""Decoding for the tests: in a child process as the program does it, or in this one, which is quicker."""

import asyncio
import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import av

from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.audio.audio_track import pcm_chunks
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.domain.audio_findings import AudioFindings
from therapy.ports.audio import LONGEST_MS

CHILD = b"therapy.adapters.audio.decoder_process"


def reader(data: bytes, asked: list[tuple[int, int]] | None = None):
    async def read(start: int, end: int) -> bytes:
        if asked is not None:
            asked.append((start, end))
        await asyncio.sleep(0)
        return data[start:end]

    return read


async def decoded(data: bytes) -> bytes:
    found = [
        chunk async for chunk in PyAvAudioDecoder().decode("practice", reader(data), len(data))
    ]
    assert all(0 < len(chunk) <= 1 << 20 and len(chunk) % 2 == 0 for chunk in found)
    return b"".join(found)


def decoded_here(data: bytes) -> tuple[bytes, AudioFindings]:
    """Samples and findings, decoded in this process."""
    chunks: list[bytes] = []
    found = findings_of(data, chunks.append)
    return b"".join(chunks), found


def findings_of(
    data: bytes, take: Callable[[bytes], object] = len, longest_ms: int = LONGEST_MS
) -> AudioFindings:
    """Findings, and each chunk of samples to `take`; decoded in this process."""
    reports: list[AudioFindings] = []
    file = RangedFile(lambda start, end: data[start:end], len(data))
    taken = 0
    for chunk in pcm_chunks(file, reports.append, longest_ms):
        assert 0 < len(chunk) <= 1 << 20
        taken += len(chunk)
        take(chunk)
    (report,) = reports
    assert report.duration_ms == taken // 32
    return report


def plainly_decoded(data: bytes) -> float:
    """Seconds of sound that FFmpeg finds in the best track when nothing is asked of it but to decode."""
    seconds = 0.0
    try:
        with av.open(io.BytesIO(data), metadata_errors="replace") as container:
            stream = container.streams.best("audio")
            if stream is None or stream.codec_context is None:
                return 0.0
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    continue
                seconds += sum(frame.samples / frame.sample_rate for frame in frames)
    except (av.FFmpegError, ValueError):
        return seconds
    return seconds


def decoder_processes(parent: int = os.getpid()) -> list[int]:
    """The decoders that a process (this one) started and that have not been reaped."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            starter = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            command = (each / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if starter == parent and (CHILD in command or not command):
            found.append(int(each.name))
    return found


def wav(
    samples: bytes, *, rate: int = 16_000, channels: int = 1, bits: int = 16, kind: int = 1
) -> bytes:
    """A WAV file of samples as they are; `kind` 3 is floating point, 6 and 7 are G.711."""
    width = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head
    body += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body
