"""Recognises who said what: by the Speech SDK's ConversationTranscriber, or made up at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import azure.cognitiveservices.speech as speechsdk

from benchmarks.reference import settings
from benchmarks.reference.audio import Converted
from tests.emulators.talk import dialogue

TICKS = 10_000_000
"""Of 100 ns, in a second."""

LIMIT_SECONDS = settings.JOB_SECONDS
NAMES = ("Therapist", "Patient")


class RecognitionFailed(Exception):
    """The service ended the recognition with an error, or took too long."""


Heard = list[tuple[str, str, float]]
"""Speaker, text, and seconds from the begin of the recording."""


def sentences(sound: Converted) -> list[dict[str, Any]]:
    """Return `{speaker, text, timestamp}` in the order of time. Raises RecognitionFailed."""
    if settings.speech_mode() == "instant":
        return made_up(sound.seconds)
    return _named(_conversation(sound.path))


def made_up(seconds: float) -> list[dict[str, Any]]:
    """Return what the fakes of the Speech service hear in a recording of this length."""
    heard = dialogue(seconds)
    return _named([(each["speaker"], each["text"], each["at"] / 1000) for each in heard])


def _named(heard: Heard) -> list[dict[str, Any]]:
    """Return entries of a transcript: the first voice is the therapist's, the second the patient's."""
    guests = sorted({speaker for speaker, _, _ in heard})
    names = dict(zip(guests, NAMES, strict=False))
    return [
        {"speaker": names[speaker], "text": text, "timestamp": _clock(seconds)}
        for speaker, text, seconds in heard
        if speaker in names
    ]


def _conversation(wav: Path) -> Heard:
    """Send a file to the service, and wait until it has heard all of it."""
    config = speechsdk.SpeechConfig(
        subscription=settings.required("SPEECH_KEY"),
        host=settings.required("THERAPY_SPEECH_ENDPOINT"),
    )
    config.speech_recognition_language = "en-US"
    transcriber = speechsdk.transcription.ConversationTranscriber(
        config, speechsdk.audio.AudioConfig(filename=str(wav))
    )
    heard: Heard = []
    failures: list[str] = []
    ended = threading.Event()

    def transcribed(event: Any) -> None:
        result = event.result
        if result.reason == speechsdk.ResultReason.RecognizedSpeech and result.text:
            heard.append((result.speaker_id, result.text, result.offset / TICKS))

    def canceled(event: Any) -> None:
        details = event.cancellation_details
        if details.reason == speechsdk.CancellationReason.Error:
            failures.append(str(details.code))
        ended.set()

    transcriber.transcribed.connect(transcribed)
    transcriber.canceled.connect(canceled)
    transcriber.session_stopped.connect(lambda _: ended.set())
    transcriber.start_transcribing_async().get()
    in_time = ended.wait(LIMIT_SECONDS)
    transcriber.stop_transcribing_async().get()
    for signal in (transcriber.transcribed, transcriber.canceled, transcriber.session_stopped):
        signal.disconnect_all()
    if failures or not in_time:
        raise RecognitionFailed(failures[0] if failures else "the service did not end")
    return heard


def _clock(seconds: float) -> str:
    """Return seconds as H:MM:SS.mmm."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:06.3f}"
