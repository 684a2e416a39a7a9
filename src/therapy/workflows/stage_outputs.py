"""What the stages of a transcription have made, kept until the transcript is written.

So a retry, or the successor of a worker that died, goes on after the last whole stage, and in a long
recognition after the last checkpoint. Each output is written once, beside the recordings, under the key
`stage_<session>_<run>_<stage>`. It contains what was said. It is deleted once the transcript is written, if
that was broken off by the insights run, which follows every transcript, and with the session. Failed ones
keep their outputs for a retry. If one can't be kept, the work goes on, and a later try does that stage again.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import msgspec
from msgspec import Struct

from therapy.domain.errors import NotFound, TherapyError
from therapy.domain.run import Run, RunKind
from therapy.domain.sentiment import Scores
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.recordings import Recordings, names_fit
from therapy.ports.sentiment import Sentiment

MARK = "stage"
RECOGNISED, SCORED = "recognised", "scored"
S = TypeVar("S", bound=Struct)


def part(number: int) -> str:
    """Return the name of a checkpoint of the recognition."""
    return f"part-{number:04}"


def key_of(run: Run, stage: str) -> str:
    """Return the key of a stage's output."""
    return f"{prefix_of(run)}_{stage}"


def prefix_of(run: Run) -> str:
    """Return what the keys of a run's outputs begin with, up to the last "_"."""
    return f"{MARK}_{run.session_id}_{run.id}"


def is_output(key: str) -> bool:
    """Return whether a key is a stage's output, not a recording."""
    return key.startswith(f"{MARK}_")


def fingerprint(*said: object) -> str:
    """Return what tells whether an output was made of the same."""
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class StageOutputs:
    """The outputs of one run."""

    run: Run
    recordings: Recordings

    async def load(self, stage: str) -> bytes | None:
        """Return what a stage has made; None if it has made nothing yet.

        Raises:
            Unavailable: the recordings can't be reached; what was paid must not be paid again for that.
        """
        practice_id, key = self.run.practice_id, key_of(self.run, stage)
        try:
            size = await self.recordings.size(practice_id, key)
            starts = range(0, size, BLOCK_SIZE)
            blocks = [
                await self.recordings.read(practice_id, key, start, start + BLOCK_SIZE)
                for start in starts
            ]
        except NotFound:
            return None
        return b"".join(blocks)

    async def keep(self, stage: str, content: bytes) -> bool:
        """Keep what a stage has made; return whether it is kept."""
        practice_id, key = self.run.practice_id, key_of(self.run, stage)
        if not names_fit(practice_id, key, key):
            return False
        starts = range(0, max(1, len(content)), BLOCK_SIZE)
        with suppress(TherapyError):
            for number, start in enumerate(starts):
                block = content[start : start + BLOCK_SIZE]
                await self.recordings.stage(practice_id, key, number, block)
            await self.recordings.keep(practice_id, key, len(starts), key)
            return True
        with suppress(TherapyError):
            await self.recordings.discard(practice_id, key)
        return False

    async def load_as(self, kind: type[S], stage: str, made_of: str) -> S | None:
        """Return a stage's output as `keep_as` kept it; None if there is none that was made of the same.

        Another one, or one that can't be read, is deleted, so that the next can take its place.
        """
        if (content := await self.load(stage)) is None:
            return None
        head, _, body = content.partition(b"\n")
        with suppress(msgspec.MsgspecError):
            if head == made_of.encode():
                return await asyncio.to_thread(msgspec.msgpack.decode, body, type=kind)
        await self.recordings.delete(self.run.practice_id, key_of(self.run, stage))
        return None

    async def keep_as(self, output: Struct, stage: str, made_of: str) -> None:
        """Keep a stage's output; `made_of` is the fingerprint of what it was made of."""
        body = await asyncio.to_thread(msgspec.msgpack.encode, output)
        await self.keep(stage, made_of.encode() + b"\n" + body)

    async def parts(self, made_of: str) -> tuple[bytes, ...]:
        """Return all checkpoints of the recognition; those that were made of something else are deleted."""
        found: list[bytes] = []
        while (content := await self.load(part(len(found)))) is not None:
            head, _, state = content.partition(b"\n")
            if head != made_of.encode():
                await self._discard_parts()
                return ()
            found.append(state)
        return tuple(found)

    async def keep_part(self, number: int, state: bytes, made_of: str) -> bool:
        """Keep a checkpoint; return whether it is kept."""
        return await self.keep(part(number), made_of.encode() + b"\n" + state)

    async def discard(self) -> None:
        """Delete all outputs, the last checkpoint first, so that the first one says that there are any."""
        await self._discard_parts()
        for stage in (RECOGNISED, SCORED):
            await self.recordings.delete(self.run.practice_id, key_of(self.run, stage))

    async def discard_staged(self) -> None:
        """Delete what a crash left of an output that was being kept; else the sweep does, after hours."""
        practice_id = self.run.practice_id
        for stage in (RECOGNISED, SCORED, part(await self._parts())):
            await self.recordings.discard(practice_id, key_of(self.run, stage))

    async def _discard_parts(self) -> None:
        for number in reversed(range(await self._parts())):
            await self.recordings.delete(self.run.practice_id, key_of(self.run, part(number)))

    async def _parts(self) -> int:
        for number in count():
            try:
                await self.recordings.size(self.run.practice_id, key_of(self.run, part(number)))
            except NotFound:
                return number
        raise AssertionError  # count() never ends


async def discard_outputs(
    runs: Iterable[Run], *, recordings: Recordings, staged: bool = False
) -> None:
    """Delete the outputs of a session's transcriptions; if `staged`, also what is only staged. Idempotent.

    Raises:
        Unavailable: the recordings can't be reached.
    """
    for run in runs:
        if run.kind in {RunKind.TRANSCRIBE, RunKind.RERUN}:
            outputs = StageOutputs(run, recordings)
            if staged:
                await outputs.discard_staged()
            await outputs.discard()


class _KeptScores(Struct, frozen=True):
    scores: tuple[Scores | None, ...]


@dataclass(frozen=True)
class KeptSentiment(Sentiment):
    """Sentiment that asks its engine only for what no earlier claim of the run has been told."""

    engine: Sentiment
    outputs: StageOutputs

    async def score(
        self, practice_id: str, texts: Sequence[str], language: str
    ) -> tuple[Scores | None, ...]:
        made_of = fingerprint(tuple(texts), language)
        if (kept := await self.outputs.load_as(_KeptScores, SCORED, made_of)) is not None:
            return kept.scores
        scores = await self.engine.score(practice_id, texts, language)
        await self.outputs.keep_as(_KeptScores(scores), SCORED, made_of)
        return scores
