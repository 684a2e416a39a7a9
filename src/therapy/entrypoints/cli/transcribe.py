"""`therapy transcribe`: transcribes one recording, without a server or a store."""

import asyncio
import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import rich_click as click
from msgspec.structs import replace
from rich.console import Console

from therapy.config import Settings
from therapy.domain.media import SNIFF_BYTES, sniff
from therapy.domain.messages import sentence
from therapy.domain.recording_messages import doubt, missing_sentence, remark_sentence
from therapy.domain.roles import to_assign
from therapy.domain.scoring import session_scores
from therapy.domain.sentiment import NEUTRAL
from therapy.domain.session import MOST_PEOPLE, SPEAKERS_TO_ASSIGN, parse_languages
from therapy.domain.transcript import TranscriptVersion, Utterance, format_timestamp
from therapy.entrypoints.cli.environment import settings_of_this_machine
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import doing
from therapy.entrypoints.cli.terminal import (
    add_line,
    answers,
    asides,
    bar,
    legend,
    transcript_table,
)
from therapy.ports.speech import SpeechOptions
from therapy.workflows.recognition import recognise, scored

NOBODY = "-"
"""The practice that a recording on the command line belongs to."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, nothing else."
)
@click.option(
    "--language",
    "languages",
    multiple=True,
    help="What is spoken, e.g. en-US; may be repeated. By default SPEECH_LANGUAGE.",
)
@click.option(
    "--people",
    type=click.IntRange(1, MOST_PEOPLE),
    help="How many people speak, 1 to 6. By default THERAPY_SPEECH_PEOPLE, else voices are counted.",
)
def transcribe(
    *, file: Path, as_json: bool, languages: tuple[str, ...], people: int | None
) -> None:
    """Transcribe one recording: who said what, and how it felt. Needs no server and stores nothing.

    Any recording that plays (WAV, M4A, MP3, OGG, WebM, FLAC and others), known by its content, not its name.

    \b
    [bold]Examples[/]
      [cyan]therapy transcribe session.m4a[/]
      [cyan]therapy transcribe couple.m4a --people 3[/]
      [cyan]therapy transcribe session.m4a --json | jq -r '.utterances[].text'[/]

    [bold]You see[/] a progress bar, then a line for each utterance: time, speaker, and for the patient a bar
    of positive (green), neutral (grey) and negative (red); lines in doubt are marked, and below them stands
    what is missing of the recording. --json prints
    [cyan]{"utterances": \\[{"speaker", "start_ms", "end_ms", "text", "words", "flags", …}], "partial", …}[/].
    """
    languages = parse_languages(languages, field="--language")
    settings = settings_of_this_machine("speech", "sentiment", "insights")
    settings = replace(
        settings,
        speech_languages=languages or settings.speech_languages,
        speech_people=people or settings.speech_people,
    )
    version = _transcribed(file, settings)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(as_object(version))))
        sys.stdout.buffer.write(b"\n")
    else:
        show(version, answers())


def _transcribed(path: Path, settings: Settings) -> TranscriptVersion:
    try:
        with path.open("rb") as file, doing(f"transcribing {path.name}", "nothing was stored"):
            return asyncio.run(_recognise(file, path.name, settings))
    except IsADirectoryError:
        raise CommandFailed(f"{path} is a directory") from None


async def _recognise(file: io.BufferedReader, name: str, settings: Settings) -> TranscriptVersion:
    from therapy.wiring import longest_ms, open_engines

    async def read(start: int, end: int) -> bytes:
        file.seek(start)
        return file.read(max(0, end - start))

    size = file.seek(0, io.SEEK_END)
    if not size:
        raise CommandFailed(f"{name} is empty")
    sniff(await read(0, SNIFF_BYTES))
    async with open_engines(settings) as engines:
        longest = longest_ms(settings)
        length = await engines.audio.check(NOBODY, read, size, longest_ms=longest)
        with bar(asides()) as progress:
            task = progress.add_task(f"transcribing {name}", total=length or None)
            version = await recognise(
                NOBODY,
                read,
                size,
                SpeechOptions(settings.speech_languages, settings.speech_people),
                at=datetime.now(UTC),
                longest_ms=longest,
                on_progress=lambda ms: progress.update(task, completed=ms),
                audio=engines.audio,
                speech=engines.speech,
            )
            progress.update(task, total=1, completed=1)
        return await scored(NOBODY, version, sentiment=engines.sentiment)


def as_object(version: TranscriptVersion) -> dict[str, object]:
    """Return what --json prints: the utterances, and what is known about the whole."""
    return {
        "utterances": [_utterance(each) for each in version.utterances],
        "language": version.language,
        "duration_ms": version.duration_ms,
        "engine": version.engine,
        "role_confidence": version.role_confidence,
        "role_reasons": version.role_reasons,
        "sentiment": session_scores(version),
        "sentiment_not_available_for": version.sentiment_gap,
        "partial": version.partial,
        "missing": version.missing,
        "remarks": version.remarks,
        "coverage": version.coverage,
    }


def _utterance(each: Utterance) -> dict[str, object]:
    return {
        "speaker": each.speaker.value,
        "start_ms": each.start_ms,
        "end_ms": each.end_ms,
        "text": each.text,
        "voice": each.voice,
        "confidence": each.confidence,
        "words": each.words,
        "word_confidence": each.word_confidence,
        "flags": each.flags,
        "sentiment": each.scores,
    }


def show(version: TranscriptVersion, console: Console) -> None:
    """Print the lines, those in doubt marked, and what is missing of the recording."""
    if version.utterances:
        _show_lines(version, console)
    else:
        console.print("Nobody speaks in this recording.")
    said = [sentence(SPEAKERS_TO_ASSIGN, "en")] if to_assign(version) else []
    said += [missing_sentence(each, "en") for each in version.missing]
    said += [remark_sentence(each, "en") for each in version.remarks]
    for each in said:
        console.print(each, markup=False, soft_wrap=True)


def _show_lines(version: TranscriptVersion, console: Console) -> None:
    table = transcript_table()
    for each in version.utterances:
        scores = each.scores or NEUTRAL
        add_line(
            table,
            format_timestamp(each.start_ms),
            each.speaker.value,
            each.text,
            (scores.positive, scores.neutral, scores.negative),
            doubts=[doubt(code, "en") for code in each.flags],
        )
    console.print(table)
    if version.sentiment_gap:
        console.print(f"sentiment: not available for {version.sentiment_gap}")
    else:
        console.print(legend())
