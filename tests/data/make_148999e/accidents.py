"""What killed processes leave: consequences not delivered, uploads not finished, blocks of nobody."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from typing import Any

from msgspec.structs import replace
from people import NOA
from program import CLOCK, FAR, Dying, killed
from sessions import DANA_SAYS, TAL_SAYS, Story
from sound import SHORT

from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import Unavailable
from therapy.domain.session import Details, SessionPatient
from therapy.domain.upload import BLOCK_SIZE, Upload, content_hash
from therapy.workflows import review
from therapy.workflows.desk import Desk
from therapy.workflows.following import fingerprint
from therapy.workflows.intake import Receiving

UNFINISHED = Details(
    SessionPatient("300000015", "Dana Cohen"), date(2026, 2, 28), "Taken in just before the end."
)


class Away:
    """A port that can't be reached."""

    async def put(self, *_: object) -> None:
        raise Unavailable


async def leave_consequences(story: Story) -> None:
    """Leave an outbox item of each kind, as writers do that die before they have delivered it."""
    program, desk = story.program, story.program.desk
    actor = program.actors[NOA]

    session_id = await story.begin("told on one of two devices: NoticeDue left", TAL_SAYS)
    notices = Dying(desk.notices, "send", after=1)
    with killed():
        await story.work(session_id, speech=MemorySpeech(SHORT), notices=notices)

    session_id = await story.transcribed("corrected: RowChanged left", TAL_SAYS)
    dying = program.with_ports(rows=Dying(desk.rows, "put"))
    with killed():
        await review.correct(actor, session_id, _corrected, desk=dying)

    session_id = await story.transcribed("rows out of reach: RowChanged postponed", TAL_SAYS)
    await review.correct(actor, session_id, _corrected, desk=program.with_ports(rows=Away()))

    session_id = await story.transcribed("cancelled: EraseDue left", DANA_SAYS)
    dying = program.with_ports(recordings=Dying(desk.recordings, "delete"))
    with killed():
        await review.cancel(actor, session_id, desk=dying)

    session_id = await story.transcribed("closed: RowChanged left", TAL_SAYS)
    await program.hand_in(NOA, session_id)
    with killed():
        await story.work(session_id, rows=Dying(desk.rows, "put", after=1))


def _corrected(details: Details) -> Details:
    return replace(details, summary="Corrected just before the end.")


async def leave_uploads(story: Story) -> list[dict[str, Any]]:
    """Leave uploads that nobody finishes, and blocks that no upload knows of; says which and why."""
    program, desk = story.program, story.program.desk
    limits = dataclasses.replace(desk.limits, upload_expiry=FAR - CLOCK.moment)
    open_ = await _received(story, bytes(BLOCK_SIZE), program.with_ports(limits=limits))
    expired = await _received(story, b"", desk)

    ringless = program.with_ports(doorbell=Dying(desk.doorbell, "ring"))
    unrung = await _received(story, b"", ringless)
    await _finished(story, unrung)
    await story.note("taken in: RunDue and RowChanged left", unrung.upload.session_id)

    unwritten = await _received(
        story, b"", program.with_ports(sessions=Dying(desk.sessions, "commit"))
    )
    await _finished(story, unwritten)
    hashed = content_hash(unwritten._hashes)
    story.reserved.add(fingerprint(unwritten.upload.therapist_id, hashed))

    nobodys = desk.new_id()
    await desk.recordings.stage(story.practice_id, nobodys, 0, story.tone())
    return [
        _noted("open until FAR, two blocks are staged", open_, blocks=2),
        _noted("expired, one block is staged", expired, blocks=1),
        _noted("expired, its recording is a session's", unrung),
        _noted("expired, kept and reserved, but its writer died before the session", unwritten),
        {"why": "staged, no upload knows of it", "id": nobodys, "blocks": 1, "known": False},
    ]


async def _received(story: Story, first: bytes, desk: Desk) -> Receiving:
    """Receive a recording to its last byte; what comes first in it may be a whole block."""
    CLOCK.on(minutes=3)
    practice_id, now = story.practice_id, desk.now()
    ends = now + timedelta(hours=1)
    upload = Upload(desk.new_id(), practice_id, story.program.actors[NOA].person_id, now, ends)
    await desk.uploads.put(practice_id, upload)
    incoming = Receiving(upload, desk)
    wav = story.tone()
    await incoming.write(wav[:44] + first + wav[44:])
    await incoming.end()
    return incoming


async def _finished(story: Story, incoming: Receiving) -> None:
    with killed():
        actor = story.program.actors[NOA]
        await incoming.finish(actor, UNFINISHED, therapist="", file_name="session_audio_8.wav")


def _noted(why: str, incoming: Receiving, blocks: int = 0) -> dict[str, Any]:
    upload = incoming.upload
    return {"why": why, "id": upload.id, "blocks": blocks, "known": True}
