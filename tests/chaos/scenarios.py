"""What people and workers do while a process is cut: a scenario is one entry in `SCENARIOS`.

`begin` makes what is there before, and nothing is cut in it. `act` is done by the process that is cut, and
once more by the one that comes after it: whoever got no answer asks again. What must come of it is `after`.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from tests.builders import a_wav, details
from tests.chaos.worlds import RESTART, World, finished
from tests.workflows.memory_installation import ACTOR, SOUND, lines_of, upload
from therapy.domain.edited_lines import EditedLine, EditedLines
from therapy.domain.errors import Forbidden
from therapy.domain.run import RunKind, RunState
from therapy.domain.session import State
from therapy.domain.transcript import Source, Speaker
from therapy.domain.upload import Metadata
from therapy.workflows import amendments, drafts, rerun, resumable_uploads, review
from therapy.workflows.appended_bytes import appending

Step = Callable[[World], Awaitable[None]]

MORE = a_wav(b"\x20\x00" * 4_000)
SAID = Metadata(details())
CORRECTION = (EditedLine(3_000, Speaker.PATIENT, "I am sad in Zanzibar."),)
FIRST_PART = 3_000
"""Bytes that a phone has sent before the request that is cut."""


@dataclass(frozen=True)
class After:
    """What there is when all is done: one session in this state (None: there is no session)."""

    state: State | None
    versions: int = 0
    in_force: int | None = None
    """The number of the version in force, if it is not the last one."""

    runs: tuple[str, ...] = ()
    recordings: tuple[bytes, ...] = (SOUND,)
    ready: int = 0
    """How many notifications said that a session is ready, however often each was sent."""

    parents: tuple[int, ...] = (0, 1, 2)
    finds: str = ""
    """A word by which a search finds the session, if it is closed."""


@dataclass(frozen=True)
class Scenario:
    """`session` goes by one session throughout, which the notes of its therapist name."""

    name: str
    begin: Step
    act: Step
    after: After


async def nothing(world: World) -> None:
    """Begin with a practice and nothing else."""


async def sent(world: World) -> None:
    """Upload a recording in one request."""

    async def send() -> str:
        return (await upload(world.it.intake)).session_id

    await world.once("session", send)


async def sent_in_part(world: World) -> None:
    """Begin a resumable upload, described from the start, and send its first bytes."""
    await begun(world, SAID)


async def sent_in_part_undescribed(world: World) -> None:
    await begun(world, None)


async def begun(world: World, metadata: Metadata | None) -> None:
    async def begin() -> str:
        intake = world.it.intake
        made = await resumable_uploads.begin(ACTOR, len(SOUND), metadata, intake=intake)
        return made.id

    upload_id = await world.once("upload", begin)
    await append(world, upload_id, 0, SOUND[:FIRST_PART])


async def append(world: World, upload_id: str, offset: int, piece: bytes) -> None:
    """Send a piece as one request, and make the session if it was the last one."""
    intake = world.it.intake
    async with appending(ACTOR, upload_id, offset, intake=intake) as appended:
        await appended.write(piece)
    await resumable_uploads.completed(ACTOR, appended.upload, intake=intake)


async def resumed(world: World) -> None:
    """Ask how far the upload is, send the rest, say what it is, and wait until it is a session."""
    upload_id, intake = world.noted()["upload"], world.it.intake

    async def send() -> str:
        found = await resumable_uploads.look(ACTOR, upload_id, intake=intake)
        assert found.offset >= FIRST_PART, "bytes that were acknowledged are lost"
        if found.offset < len(SOUND):
            await append(world, upload_id, found.offset, SOUND[found.offset :])
        await resumable_uploads.describe(ACTOR, upload_id, SAID, intake=intake)
        for _ in range(3):  # what its request left undone is the sweep's
            await world.it.sweep()
            found = await resumable_uploads.look(ACTOR, upload_id, intake=intake)
            if found.finished_at:
                break
            world.bare.clock.now += RESTART
        assert found.finished_at, "the upload never became a session"
        return found.session_id

    await world.once("session", send)


async def transcribed(world: World) -> None:
    """Let a worker do what a session waits for, until it can be reviewed and has insights."""
    await sent(world)

    async def is_done() -> bool:
        runs = await world.bare.runs(world.noted()["session"])
        return finished(runs) == ["insights done", "transcribe done"]

    await world.work_until(is_done)


async def transcribed_only(world: World) -> None:
    """Stop as soon as a session can be reviewed: insights are still to be found."""
    await sent(world)
    session_id = world.noted()["session"]
    only = {"kinds": frozenset({RunKind.TRANSCRIBE})}
    world.bare.worker_options |= only
    await world.bare.work(session_id)
    for name in only:
        del world.bare.worker_options[name]
    assert (await world.bare.session(session_id)).state is State.AWAITING_REVIEW


async def reviewed(world: World) -> None:
    """Submit the transcript, and let a worker close the session."""
    session_id = world.noted()["session"]

    async def submit() -> str:
        lines = lines_of(await world.bare.version(1, session_id))
        await review.submit(ACTOR, session_id, lines, records=world.it.records)
        return "submitted"

    await world.once("reviewed", submit)
    await world.work_until(partial(_is_closed, world))


async def draft_saved(world: World) -> None:
    """Correct every line in a draft of the transcript."""
    session_id = world.noted()["session"]

    async def save() -> str:
        version, records = await world.bare.version(1, session_id), world.it.records
        lines = [
            EditedLine(each.start_ms, each.speaker, f"{each.text} In Zanzibar.")
            for each in version.utterances
        ]
        draft = drafts.SentDraft(1, lines, reviewed_to_ms=0)
        await drafts.save(ACTOR, session_id, draft, drafts.ANY, records=records)
        return "saved"

    await world.once("saved", save)


async def reviewed_in_a_draft(world: World) -> None:
    """Save a draft of the transcript, submit it, and let a worker close the session."""
    session_id = world.noted()["session"]

    async def submit() -> str:
        await review.submit_edit(ACTOR, session_id, None, records=world.it.records)
        return "submitted"

    await draft_saved(world)
    await world.once("reviewed", submit)
    await world.work_until(partial(_is_closed, world))


async def transcribed_with_a_draft(world: World) -> None:
    await transcribed(world)
    await draft_saved(world)


async def _is_closed(world: World) -> bool:
    """Return whether a session is closed and no work on it is left."""
    session = await world.bare.session(world.noted()["session"])
    return session.state is State.CLOSED and await _are_done(world, 3)


async def closed(world: World) -> None:
    """Bring a session through its whole life."""
    await transcribed(world)
    await reviewed(world)


async def amended(world: World) -> None:
    """Correct a line of a closed session, and let a worker score it."""
    session_id = world.noted()["session"]

    async def amend() -> str:
        edit = EditedLines(CORRECTION, Source.AMEND, "misheard")
        records = world.it.records
        return str(await amendments.amend(ACTOR, session_id, edit, expected={2}, records=records))

    assert await world.once("amended", amend) == "3"
    await world.work_until(partial(_are_done, world, 4))


async def recognised_again(world: World) -> None:
    """Have a closed session recognised once more, beside the version in force."""
    session_id = world.noted()["session"]

    async def ask() -> str:
        it = world.it
        waiting_list = it.installation.waiting_list
        await rerun.rerun(ACTOR, session_id, records=it.records, waiting_list=waiting_list)
        return "asked"

    await world.once("asked", ask)
    await world.work_until(partial(_are_done, world, 4))


async def _are_done(world: World, runs: int) -> bool:
    """Return whether there are so many runs, and all of them are done."""
    found = await world.bare.runs(world.noted()["session"])
    return len(found) >= runs and {run.state for run in found} == {RunState.DONE}


async def continued(world: World) -> None:
    """Continue a session in review with a second recording."""
    session_id = world.noted()["session"]

    async def send() -> str:
        receipt = await upload(world.it.intake, MORE, continues=session_id)
        return receipt.session_id

    assert await world.once("continued", send) == session_id

    async def is_done() -> bool:
        runs = finished(await world.bare.runs(session_id))
        return runs == ["insights done", *DONE]

    await world.work_until(is_done)


async def refused(world: World) -> None:
    """Upload for another therapist."""
    with suppress(Forbidden):
        await upload(world.it.intake, therapist="somebody else")


async def cancelled(world: World) -> None:
    """Cancel a session in review, and erase it."""
    session_id = world.noted()["session"]

    async def cancel() -> str:
        if (await world.bare.session(session_id)).state is State.AWAITING_REVIEW:
            await review.cancel(ACTOR, session_id, records=world.it.records)
        return "cancelled"

    await world.once("cancelled", cancel)
    for _ in range(3):
        await world.it.sweep()
        if (await world.bare.session(session_id)).state is State.ERASED:
            return
        world.bare.clock.advance(minutes=10)


BEFORE: dict[Step, Step] = {
    sent: nothing,
    sent_in_part: nothing,
    sent_in_part_undescribed: nothing,
    transcribed: sent,
    transcribed_only: sent,
    transcribed_with_a_draft: transcribed,
    closed: transcribed,
}
"""With what a step begins that may have been done already: it then does the rest."""

DUE = ("transcribe due",)
DONE = ("insights done", "transcribe done")
ALL_DONE = ("insights done", "score done", "transcribe done")
CLOSED_BY_DRAFT = After(State.CLOSED, 2, runs=ALL_DONE, ready=1, finds="zanzibar")
AMENDED = After(State.CLOSED, 3, runs=("amend done", *ALL_DONE), ready=1, finds="zanzibar")
RERUN = After(State.CLOSED, 3, 2, ("rerun done", *ALL_DONE), ready=1, parents=(0, 1, 0))
CLOSED = After(State.CLOSED, 2, runs=ALL_DONE, ready=1)

SCENARIOS = {
    each.name: each
    for each in (
        Scenario(
            "upload in one request", nothing, sent, After(State.AWAITING_TRANSCRIPT, runs=DUE)
        ),
        Scenario("upload that is refused", nothing, refused, After(None, recordings=())),
        Scenario("tus upload", sent_in_part, resumed, After(State.AWAITING_TRANSCRIPT, runs=DUE)),
        Scenario(
            "tus upload, described last",
            sent_in_part_undescribed,
            resumed,
            After(State.AWAITING_TRANSCRIPT, runs=DUE),
        ),
        Scenario(
            "pipeline", sent, transcribed, After(State.AWAITING_REVIEW, 1, runs=DONE, ready=1)
        ),
        Scenario("submit", transcribed, reviewed, CLOSED),
        Scenario("submit before insights", transcribed_only, reviewed, CLOSED),
        Scenario("draft and submit", transcribed, reviewed_in_a_draft, CLOSED_BY_DRAFT),
        Scenario("amend", closed, amended, AMENDED),
        Scenario("rerun", closed, recognised_again, RERUN),
        Scenario(
            "second recording",
            transcribed,
            continued,
            After(State.AWAITING_REVIEW, 2, None, ("insights done", *DONE), (SOUND, MORE), 2),
        ),
        Scenario(
            "cancel and erase",
            transcribed_with_a_draft,
            cancelled,
            After(State.ERASED, recordings=(), ready=1),
        ),
    )
}
