"""Decoding of recordings with PyAV (FFmpeg's libraries): any container to 16 kHz mono.

Whatever FFmpeg touches runs in a child process (`decoder_process`), which `decoder` starts, feeds with
ranges of the recording and ends. In the child, `containers` decides what may be opened, `track_choice` which
track is decoded, `timeline` when each piece of it plays, and `channels` how its channels are mixed;
`audio_track` puts them together and `findings` says what is missing. The child imports this package, so it
imports nothing itself.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from therapy.adapters.audio.decoder import PyAvAudioDecoder

__all__ = ["PyAvAudioDecoder"]


def __getattr__(name: str) -> Any:
    """Import the adapter when it is asked for."""
    if name == "PyAvAudioDecoder":
        from therapy.adapters.audio.decoder import PyAvAudioDecoder

        return PyAvAudioDecoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
