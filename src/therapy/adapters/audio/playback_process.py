"""The child process that makes what browsers play, started by `playback` with `python -m`.

Ranges of the recordings come in over stdin, pieces of the file go out over stdout (`decoder_protocol`). It
decodes and encodes by itself: two children took 15 MB more, and samples went through two pipes. A recording
that is refused memory here fails the whole file: left out, what follows would not stand where its transcript
has it. Nothing of a recording is written to stderr.
"""

from collections.abc import Iterator
from functools import partial

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.audio_track import pcm_chunks
from therapy.adapters.audio.child_pipes import Pipes
from therapy.adapters.audio.playback_file import PlaybackFile
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.adapters.child_process.child_side import end_after, prepare, private_streams
from therapy.adapters.child_process.limits import Allowance
from therapy.domain.errors import TherapyError
from therapy.domain.joined_sound import JoinedSound
from therapy.ports.audio import BYTES_PER_MS


def main() -> int:
    """Make one file; return 0, also if that failed, or 1 if the parent has gone."""
    pipes = Pipes(*private_streams())
    try:
        order = protocol.decode_playback_order(pipes.line())
        prepare(order.parent)
        _encode(pipes, order, Allowance(order.limits))
    except (EOFError, BrokenPipeError, msgspec.DecodeError):
        return 1
    except TherapyError as error:
        pipes.fail(type(error).__name__, error.code, error.details)
    except MemoryError:
        pipes.fail("EngineFailed", "not_enough_memory", {})
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent must be told
        pipes.fail("EngineFailed", "engine_failed", {"reason": type(error).__name__})
    return 0


def _encode(pipes: Pipes, order: protocol.PlaybackOrder, allowance: Allowance) -> None:
    def send(offset: int, content: bytes) -> None:
        pipes.send(protocol.PIECE, protocol.OFFSET.pack(offset) + content)

    file, taken = PlaybackFile(order.expected_ms, send), 0
    for pcm in _pcm(pipes, order):
        file.add(pcm)
        taken += len(pcm)
        allowance.more(taken / BYTES_PER_MS / 1000)
    made = protocol.PlaybackFound(*file.end())
    pipes.send(protocol.FOUND, msgspec.json.encode(made))


def _pcm(pipes: Pipes, order: protocol.PlaybackOrder) -> Iterator[bytes]:
    """Yield the sound of all recordings.

    Raises:
        UndecodableAudio: none of them can be decoded.
        RecordingTooLong: together they last longer than they may.
    """
    sound, begin = JoinedSound(order.longest_ms, BYTES_PER_MS), 0
    for size in order.sizes:
        if silence := sound.silence():
            yield silence
        file = RangedFile(partial(_fetch, pipes, begin), size)
        with sound.recording() as found:
            for chunk in pcm_chunks(file, found.append, sound.left_ms):
                sound.size += len(chunk)
                yield chunk
        begin += size
    sound.findings()


def _fetch(pipes: Pipes, begin: int, start: int, end: int) -> bytes:
    """Return a range of the recording that begins so many bytes behind the beginning of the first."""
    return pipes.fetch(begin + start, begin + end)


if __name__ == "__main__":
    end_after(main)
