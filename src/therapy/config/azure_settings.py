"""The settings of what Azure's services can bear: long recordings, tries that cost money.

A part of `Settings`, as `recording_settings` is.
"""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct, field

from therapy.config.value_parsers import Seconds


class AzureSettings(Struct, frozen=True, kw_only=True):
    """Limits of Azure's services; see docs/reference/speech.md."""

    paid_tries: Annotated[
        int,
        Meta(ge=1, le=100),
        "tries of a recording that Azure Speech may charge, until somebody asks for another one",
    ] = field(name="THERAPY_PAID_TRIES", default=2)
    fast_longest: Annotated[
        Seconds,
        "Azure Speech: the longest recording for Fast Transcription, which takes less than 120 minutes",
    ] = field(name="THERAPY_FAST_MAX_SECONDS", default=timedelta(minutes=115))
    fast_bytes: Annotated[
        int,
        Meta(ge=1, le=2**40),
        "Azure Speech: the largest recording for Fast Transcription, as WAV; it takes less than 300 MB",
    ] = field(name="THERAPY_FAST_MAX_BYTES", default=240_000_000)
    conversation_longest: Annotated[
        Seconds,
        "Azure Speech: the longest recording for the conversation engine, which tells speakers apart for 240"
        " minutes",
    ] = field(name="THERAPY_CONVERSATION_MAX_SECONDS", default=timedelta(minutes=240))
