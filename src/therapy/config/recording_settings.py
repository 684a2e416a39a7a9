"""The settings of what a recording may cost: its length, its check, and the processes that read it.

A part of `Settings`.
"""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct, field

from therapy.config.value_parsers import Seconds


class RecordingSettings(Struct, frozen=True, kw_only=True):
    """How long recordings may be and what reading them may take. Sizes are in bytes."""

    longest_recording: Annotated[
        Seconds, "how long the recordings of one session may last together"
    ] = field(name="THERAPY_MAX_RECORDING_SECONDS", default=timedelta(hours=4))
    resumable_for: Annotated[
        Seconds,
        "how long a resumable upload may stand still before its bytes are removed; a day at most",
    ] = field(name="THERAPY_RESUMABLE_SECONDS", default=timedelta(days=1))
    checks_at_once: Annotated[
        int,
        Meta(ge=1, le=64),
        "recordings that are checked at once after their upload, by all API processes together; at least"
        " one by each",
    ] = field(name="THERAPY_CHECKS_AT_ONCE", default=4)
    checks_waiting: Annotated[
        int,
        Meta(ge=0, le=1_000),
        "recordings that wait for their check in one API process; more are answered with 503",
    ] = field(name="THERAPY_MAX_CHECKS_WAITING", default=16)
    decoder_memory: Annotated[
        int,
        Meta(ge=32 * 1024**2, le=2**40),
        "memory that reading one recording may take, beyond the 40 MB of the process that does it",
    ] = field(name="THERAPY_DECODER_MEMORY_BYTES", default=128 * 1024**2)
    decoded_at_once: Annotated[
        int,
        Meta(ge=0, le=64),
        "recordings that a worker, or all workers of `therapy all` together (Linux), decode at full speed at"
        " once for their transcripts; more wait, as together they would take as long, each with its memory;"
        " 0: as many as there are cores",
    ] = field(name="THERAPY_DECODED_AT_ONCE", default=0)
    recogniser_memory: Annotated[
        int,
        Meta(ge=64 * 1024**2, le=2**40),
        "memory that the local recogniser may take beyond its model",
    ] = field(name="THERAPY_RECOGNISER_MEMORY_BYTES", default=2 * 1024**3)
    recogniser_cpu: Annotated[
        int,
        Meta(ge=1, le=86_400),
        "seconds of CPU that the local recogniser may take for a minute of audio, beyond five minutes in all",
    ] = field(name="THERAPY_RECOGNISER_CPU_PER_MINUTE", default=300)
    checkpoint: Annotated[
        int,
        Meta(ge=0, le=86_400),
        "seconds of audio after which a long recognition keeps a checkpoint: after a crash no more than these"
        " and a minute or two are recognised again; 0 keeps none; Fast Transcription, one request, has none",
    ] = field(name="THERAPY_CHECKPOINT_SECONDS", default=60)
    child_silence: Annotated[
        Seconds, "seconds without a sign of life after which the decoder or recogniser is ended"
    ] = field(name="THERAPY_CHILD_SILENCE_SECONDS", default=timedelta(seconds=600))
