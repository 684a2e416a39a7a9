"""The child process in which FFmpeg reads a recording, started by `decoder` with `python -m`.

Ranges of the recording come in over stdin, samples go out over stdout (`decoder_protocol`). It is a separate
process because a decoder that crashes, hangs or uses too much memory must not take the API down with it.
It ends when its parent ends. Nothing of the recording is ever written to stderr.
"""

import os

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.audio_track import look_for_audio, pcm_chunks
from therapy.adapters.audio.child_pipes import Pipes
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.adapters.child_process.child_side import end_after, prepare, private_streams
from therapy.adapters.child_process.limits import Allowance
from therapy.domain.audio_findings import AudioFindings
from therapy.domain.errors import EngineFailed, TherapyError, UndecodableAudio
from therapy.ports.audio import BYTES_PER_MS

NICE = 5
"""A recording is decoded with less priority than the API; a check, for which somebody waits, is not."""


def main() -> int:
    """Check or decode one recording; return 0, also if that failed, or 1 if the parent has gone."""
    pipes = Pipes(*private_streams())
    try:
        order = protocol.decode_order(pipes.line())
        prepare(order.parent)
        _within(Allowance(order.limits), pipes, order)
    except (EOFError, BrokenPipeError, msgspec.DecodeError):
        return 1
    except TherapyError as error:
        pipes.fail(type(error).__name__, error.code, error.details)
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent must be told
        pipes.fail("EngineFailed", "engine_failed", {"reason": type(error).__name__})
    return 0


def _within(allowance: Allowance, pipes: Pipes, order: protocol.Order) -> None:
    """Work; say whose fault it is if memory is refused.

    Raises:
        UndecodableAudio: the recording takes more memory than one may.
        EngineFailed: the machine has no more.
    """
    try:
        _work(pipes, order, allowance)
    except MemoryError:
        if allowance.memory_is_the_recordings_fault():
            raise UndecodableAudio("too_demanding") from None
        raise EngineFailed("not_enough_memory") from None


def _work(pipes: Pipes, order: protocol.Order, allowance: Allowance) -> None:
    file = RangedFile(pipes.fetch, order.size)
    found = AudioFindings()

    def note(findings: AudioFindings) -> None:
        nonlocal found
        found = findings

    if order.check:
        found = AudioFindings(duration_ms=look_for_audio(file, order.longest_ms))
    else:
        os.nice(NICE)
        sent = 0
        for chunk in pcm_chunks(file, note, order.longest_ms):
            pipes.send(protocol.PCM, chunk)
            sent += len(chunk)
            allowance.more(sent / BYTES_PER_MS / 1000)
    pipes.send(protocol.FOUND, msgspec.json.encode(found))


if __name__ == "__main__":
    end_after(main)
