"""The child process that encodes what browsers play, started by `playback` with `python -m`.

Samples come in over stdin, pieces of the file go out over stdout (`decoder_protocol`). Nothing
of a recording is written to stderr.
"""

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.child_pipes import Pipes
from therapy.adapters.audio.playback_file import MEDIA_TYPE, PlaybackFile
from therapy.adapters.child_process.child_side import end_after, prepare, private_streams
from therapy.adapters.child_process.limits import Allowance
from therapy.domain.errors import TherapyError
from therapy.ports.audio import BYTES_PER_MS, Rendition


def main() -> int:
    """Encode one recording; return 0, also if that failed, or 1 if the parent has gone."""
    pipes = Pipes(*private_streams())
    try:
        order = protocol.decode_encoder_order(pipes.line())
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


def _encode(pipes: Pipes, order: protocol.EncoderOrder, allowance: Allowance) -> None:
    def send(offset: int, content: bytes) -> None:
        pipes.send(protocol.PIECE, protocol.OFFSET.pack(offset) + content)

    file, taken = PlaybackFile(order.expected_ms, send), 0
    while pcm := pipes.ask(protocol.WANTED, b""):
        file.add(pcm)
        taken += len(pcm)
        allowance.more(taken / BYTES_PER_MS / 1000)
    made = Rendition(MEDIA_TYPE, *file.end())
    pipes.send(protocol.FOUND, msgspec.json.encode(made))


if __name__ == "__main__":
    end_after(main)
