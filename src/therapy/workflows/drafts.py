"""Drafts: a therapist's unsent edit of a transcript, kept on the server, so that it survives phone and tab.

A draft is saved while its session awaits review, or once it is closed (as the draft of an amendment). Nobody
overwrites what they have not seen: a save says which state of the draft it changes.
"""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.draft import (
    Draft,
    changed_starts,
    difference,
    in_parts,
    saved,
)
from therapy.domain.draft_lines import drafted
from therapy.domain.edited_lines import EditedLine
from therapy.domain.errors import (
    DraftChanged,
    InvalidInput,
    NotFound,
    WrongState,
)
from therapy.domain.session import Session, State
from therapy.domain.transcript import TranscriptVersion, Utterance
from therapy.domain.transcript_parts import without_findings
from therapy.repositories.change import Change, Pending
from therapy.repositories.drafts import StoredDraft
from therapy.repositories.records import Records
from therapy.workflows.draft_preconditions import ANY, Precondition, check
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.review import own_session

EDITABLE = {State.AWAITING_REVIEW, State.CLOSED}
"""The states of a session in which its transcript can be edited."""

REVISION_LENGTH = 16

Lines = tuple[Utterance, ...]
LineEdit = Callable[[TranscriptVersion, Lines], Lines]
"""Returns the lines of a draft after an edit, given its base version and its lines."""


class SentDraft(Struct, frozen=True):
    """A draft as it was sent."""

    base_version: int
    lines: Sequence[EditedLine]
    reviewed_to_ms: int


class DraftView(Struct, frozen=True):
    """A draft, its lines, the version that it began from, and the number of the version in force now."""

    draft: Draft
    lines: Lines
    base: TranscriptVersion
    version_in_force: int


async def show(actor: Actor, session_id: str, *, records: Records) -> DraftView:
    """Return the actor's draft of a session's transcript; also one that began from an older version.

    Raises:
        NotFound: the session is absent or someone else's, or, with code `no_draft`, there is no draft.
        WrongState: the session was cancelled.
    """
    session = await own_session(actor, session_id, records=records)
    if session.state is State.CANCELLED:
        raise WrongState("draft_not_possible", state=session.state.value)

    async def look() -> tuple[StoredDraft, Draft]:
        stored = await _stored(actor, session, records=records)
        if stored.draft is None or not stored.draft.is_open:
            raise NotFound("no_draft")
        return stored, stored.draft

    stored, draft = await records.late_reads.twice(actor.person_id, look)
    base = await _base(session, draft.base_version, records=records)
    lines = await asyncio.to_thread(stored.lines, base)
    return DraftView(draft, lines, base, session.transcript_number)


async def save(
    actor: Actor,
    session_id: str,
    sent: SentDraft,
    precondition: Precondition,
    *,
    records: Records,
) -> DraftView:
    """Save a draft as it was sent: lines that are not in it are deleted ones.

    What is saved already is accepted again, whatever its sender knows of the draft: the answer may have been
    lost.

    Raises:
        InvalidInput: lines out of order or with equal starts, or no such base version.
        DraftChanged: the draft is not as its sender knows it; says which lines changed, and when.
        WrongState: the session neither awaits review nor is closed.
    """

    async def attempt() -> DraftView:
        session = await _editable(actor, session_id, records=records)
        base = await _base(session, sent.base_version, records=records)
        try:
            stored = await _as_known(actor, session, precondition, records=records)
        except DraftChanged:
            if view := await _saved_before(actor, session, sent, base, records=records):
                return view
            raise
        before = await _lines_before(session, stored, base, records=records)
        lines = await asyncio.to_thread(drafted, base, before, sent.lines)
        return await _write(
            session, stored, base, lines, reviewed_to_ms=sent.reviewed_to_ms, records=records
        )

    return await retry_stale(attempt)


async def edit(
    actor: Actor,
    session_id: str,
    change: LineEdit,
    precondition: Precondition = ANY,
    *,
    begins_anew: bool = False,
    records: Records,
) -> DraftView:
    """Change the lines of a draft; without a draft one is made from the version in force.

    If it `begins_anew`, the version in force is also the base of a draft that began from an older one.

    `change` gets the base version and the lines, and is called again if someone else saved meanwhile; it runs
    in a thread. What changes nothing is not saved.

    Raises:
        DraftChanged, WrongState: as `save`. Whatever `change` raises.
    """

    async def attempt() -> DraftView:
        session = await _editable(actor, session_id, records=records)
        stored = await _as_known(actor, session, precondition, records=records)
        draft = _open_draft(stored)
        if draft and begins_anew and draft.base_version != session.transcript_number:
            draft = None
        base, before = await _base_and_lines(session, stored, draft, records=records)
        after = await asyncio.to_thread(change, base, before)
        if draft and after == before:
            return DraftView(draft, before, base, session.transcript_number)
        reviewed = draft.reviewed_to_ms if draft else 0
        return await _write(session, stored, base, after, reviewed_to_ms=reviewed, records=records)

    return await retry_stale(attempt)


async def begin_with(
    actor: Actor,
    session_id: str,
    version: TranscriptVersion,
    precondition: Precondition,
    *,
    records: Records,
) -> DraftView:
    """Begin a draft of the version in force with the lines of another one. Idempotent.

    Raises:
        DraftChanged, WrongState: as `save`.
    """
    lines = without_findings(version).utterances
    try:
        return await edit(
            actor, session_id, lambda *_: lines, precondition, begins_anew=True, records=records
        )
    except DraftChanged:
        view = await look_at(actor, session_id, records=records)
        if view.draft.revision and view.lines == lines:  # it was done, and the answer was lost
            return view
        raise


async def look_at(
    actor: Actor, session_id: str, precondition: Precondition = ANY, *, records: Records
) -> DraftView:
    """Return the actor's draft, or what it would be if it began now; nothing is written.

    Raises:
        DraftChanged, WrongState: as `save`.
    """
    session = await _editable(actor, session_id, records=records)
    stored = await _as_known(actor, session, precondition, records=records)
    draft = _open_draft(stored)
    base, lines = await _base_and_lines(session, stored, draft, records=records)
    shown = draft or replace(_new(session, records=records), base_version=base.number)
    return DraftView(shown, lines, base, session.transcript_number)


def _open_draft(stored: StoredDraft) -> Draft | None:
    return stored.draft if stored.draft and stored.draft.is_open else None


async def _base_and_lines(
    session: Session, stored: StoredDraft, draft: Draft | None, *, records: Records
) -> tuple[TranscriptVersion, Lines]:
    """Return a draft's base version and lines; without a draft the version in force and its lines."""
    number = draft.base_version if draft else session.transcript_number
    base = await _base(session, number, records=records)
    lines = await asyncio.to_thread(stored.lines, base) if draft else base.utterances
    return base, lines


async def discard(
    actor: Actor, session_id: str, precondition: Precondition = ANY, *, records: Records
) -> None:
    """Delete the actor's draft for good. Idempotent.

    Raises:
        DraftChanged: as `save`.
        WrongState: the session was cancelled: everything of it is being erased.
    """

    async def attempt() -> None:
        session = await own_session(actor, session_id, records=records)
        if session.state is State.CANCELLED:
            raise WrongState("draft_not_possible", state=session.state.value)
        stored = await _stored(actor, session, records=records)
        if stored.draft is None or not stored.draft.is_open:
            return
        check(precondition, stored.draft, session)
        over = records.drafts.end(stored, _revision(records), records.now())
        change = Change(records.sessions.unchanged(session), *over)
        await records.commit(session.practice_id, change)

    await retry_stale(attempt)


async def _editable(actor: Actor, session_id: str, *, records: Records) -> Session:
    session = await own_session(actor, session_id, records=records)
    if session.state not in EDITABLE:
        raise WrongState("draft_not_possible", state=session.state.value)
    return session


async def _stored(actor: Actor, session: Session, *, records: Records) -> StoredDraft:
    return await records.drafts.load(session.practice_id, session.id, actor.person_id)


async def _as_known(
    actor: Actor, session: Session, precondition: Precondition, *, records: Records
) -> StoredDraft:
    """Return the stored draft; DraftChanged unless it is as its sender knows it, also at a second look."""

    async def look() -> StoredDraft:
        stored = await _stored(actor, session, records=records)
        check(precondition, stored.draft, session)
        return stored

    return await records.late_reads.twice(actor.person_id, look, DraftChanged)


async def _base(session: Session, number: int, *, records: Records) -> TranscriptVersion:
    try:
        return await records.transcripts.load_words(session.practice_id, session.id, number)
    except NotFound:
        raise InvalidInput("base_version", "no_such_version", number=number) from None


async def _saved_before(
    actor: Actor, session: Session, sent: SentDraft, base: TranscriptVersion, *, records: Records
) -> DraftView | None:
    """Return the draft if it is what was sent; None if it is another one."""
    stored = await _stored(actor, session, records=records)
    draft = stored.draft
    same_head = (sent.base_version, sent.reviewed_to_ms)
    if draft is None or (draft.base_version, draft.reviewed_to_ms) != same_head:
        return None
    before = await asyncio.to_thread(stored.lines, base)
    lines = await asyncio.to_thread(drafted, base, before, sent.lines)
    return DraftView(draft, lines, base, session.transcript_number) if lines == before else None


async def _lines_before(
    session: Session, stored: StoredDraft, base: TranscriptVersion, *, records: Records
) -> Lines:
    """Return the lines of the stored draft, for the words that they have; () if there is none."""
    if stored.draft is None or not stored.draft.is_open:
        return ()
    of_draft = base
    if stored.draft.base_version != base.number:
        of_draft = await _base(session, stored.draft.base_version, records=records)
    return await asyncio.to_thread(stored.lines, of_draft)


async def _write(
    session: Session,
    stored: StoredDraft,
    base: TranscriptVersion,
    lines: Lines,
    *,
    reviewed_to_ms: int,
    records: Records,
) -> DraftView:
    now, revision = records.now(), _revision(records)
    before = stored.draft if stored.draft and stored.draft.is_open else None
    draft = replace(
        before or _new(session, records=records),
        base_version=base.number,
        reviewed_to_ms=reviewed_to_ms,
    )

    def saving() -> tuple[Draft, tuple[Pending, ...]]:
        parts = in_parts(difference(base.utterances, lines))
        after = saved(draft, revision, now, changed_starts(stored.parts, parts))
        return after, records.drafts.save(after, parts, stored)

    after, writes = await asyncio.to_thread(saving)
    change = Change(records.sessions.unchanged(session), *writes)
    await records.commit(session.practice_id, change)
    return DraftView(after, lines, base, session.transcript_number)


def _new(session: Session, *, records: Records) -> Draft:
    """Return an empty draft of the session's therapist, who alone can have one."""
    return Draft(session.practice_id, session.id, session.therapist_id, "", records.now())


def _revision(records: Records) -> str:
    return records.new_id()[:REVISION_LENGTH]
