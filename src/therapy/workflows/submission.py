"""What a therapist submits: an edit that was sent, or their draft, which is over in the same commit."""

import asyncio
from dataclasses import dataclass

from therapy.domain.access import Actor
from therapy.domain.draft import Draft
from therapy.domain.draft_submission import DraftedLines
from therapy.domain.edited_lines import Edit
from therapy.domain.errors import NotFound
from therapy.domain.session import Session
from therapy.domain.transcript import Source, TranscriptVersion
from therapy.repositories.change import Pending
from therapy.repositories.drafts import StoredDraft
from therapy.repositories.records import Records
from therapy.workflows.edits import Expected, is_version


@dataclass(frozen=True)
class Submission:
    """An edit; `draft` is the stored draft that it is, None if it was sent.

    `edit` is None if the draft was submitted before, or there is none.
    """

    edit: Edit | None
    draft: StoredDraft | None = None
    expected: Expected = None

    @property
    def needed_edit(self) -> Edit:
        """Return the edit, where there must be one.

        Raises:
            NotFound: with code `no_draft`, there is none.
        """
        if self.edit is None:
            raise NotFound("no_draft")
        return self.edit

    async def is_in_force(self, session: Session, *, records: Records) -> bool:
        """Return whether the version in force is what this made, i.e. it was submitted before."""
        return await self.is_version(session, session.transcript_number, records=records)

    async def is_version(self, session: Session, number: int, *, records: Records) -> bool:
        """Return whether the version with this number is what this made, i.e. it was submitted before."""
        if self.draft is None:
            return await is_version(session, number, self.needed_edit, records=records)
        head = self.draft.draft
        return head is not None and head.handed_in == number > 0

    def over(self, version: TranscriptVersion, *, records: Records) -> tuple[Pending, ...]:
        """End the draft that became this version; nothing if there was none."""
        if self.draft is None:
            return ()
        return records.drafts.end(self.draft, records.new_id(), records.now(), version.number)


async def submission_of(
    actor: Actor,
    session: Session,
    edit: Edit | None,
    *,
    source: Source | None = None,
    reason: str = "",
    records: Records,
) -> Submission:
    """Return what is submitted: the edit, or without one the actor's draft, for this reason.

    `source` is how the version comes to be, None = by an edit.

    Raises:
        NotFound: with code `no_draft`, there is neither an edit nor a draft, nor was there one.
    """
    if edit is not None:
        return Submission(edit)

    async def look() -> tuple[StoredDraft, Draft]:
        stored = await records.drafts.load(session.practice_id, session.id, actor.person_id)
        if stored.draft is None or not (stored.draft.is_open or stored.draft.handed_in):
            raise NotFound("no_draft")
        return stored, stored.draft

    stored, draft = await records.late_reads.twice(actor.person_id, look)
    if not draft.is_open:
        return Submission(None, stored)
    number = draft.base_version
    base = await records.transcripts.load_words(session.practice_id, session.id, number)
    lines = await asyncio.to_thread(stored.lines, base)
    drafted = DraftedLines(lines, source or Source.EDIT, reason)
    return Submission(drafted, stored, frozenset({number}))
