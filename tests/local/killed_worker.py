"""A worker with the embedded engines over a data directory, which kills itself once a checkpoint is kept."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.builders import PRACTICE, SESSION, a_run, a_session, a_wav
from therapy.config import read_settings
from therapy.domain.run import Run
from therapy.domain.session import Recording
from therapy.domain.transcript import TranscriptVersion
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.wiring import open_therapy
from therapy.workflows.stage_outputs import is_output

LEASE = timedelta(seconds=1)


def opened(directory: Path):
    """Open the installation of a data directory, by default settings."""
    return open_therapy(
        read_settings({"THERAPY_DATA_DIR": str(directory), "THERAPY_DISK_RESERVE_BYTES": "0"})
    )


class _KilledOnceKept:
    """Recordings that kill their process as soon as they have kept an output of a stage."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings

    def __getattr__(self, name: str):
        return getattr(self._recordings, name)

    async def keep(self, practice_id: str, upload_id: str, blocks: int, key: str) -> int:
        size = await self._recordings.keep(practice_id, upload_id, blocks, key)
        if is_output(key):
            os.kill(os.getpid(), signal.SIGKILL)
        return size


async def begin(directory: Path, pcm: bytes) -> None:
    """Put a session with this recording, and its due run, into a new data directory."""
    wav = a_wav(pcm)
    async with opened(directory) as therapy:
        here = therapy.installation
        starts = range(0, len(wav), BLOCK_SIZE)
        for number, at in enumerate(starts):
            await here.recordings.stage(PRACTICE, "audio", number, wav[at : at + BLOCK_SIZE])
        await here.recordings.keep(PRACTICE, "audio", len(starts), "audio")
        recording = Recording("audio", len(wav), "0" * 64, "audio/wav")
        session = a_session(languages=("en-US",), recording=recording)
        writes = here.records.sessions.write(session), here.records.runs.write(a_run())
        await Change(*writes).commit(here.records.store)


def work(directory: Path, killed: bool) -> None:
    """Transcribe the session in this process; die at the first checkpoint if `killed`."""

    async def worked() -> None:
        async with opened(directory) as therapy:
            worker = replace(therapy.installation.worker, lease=LEASE, checkpoint_ms=1)
            if killed:
                worker = replace(worker, recordings=_KilledOnceKept(worker.recordings))
            await worker.work_on(PRACTICE, SESSION)

    asyncio.run(worked())


async def outcome(directory: Path) -> tuple[Run, TranscriptVersion, list[str]]:
    """Return the transcription's run, its transcript, and the keys of all recordings."""
    async with opened(directory) as therapy:
        records, recordings = therapy.installation.records, therapy.installation.recordings
        run = (await records.runs.of_session(PRACTICE, SESSION))[0]
        version = await records.transcripts.load(PRACTICE, SESSION, 1)
        return run, version, [key async for _, key in recordings.kept()]
