"""Find and replace in a draft: in all its lines at once, or as a preview of that."""

import asyncio
from typing import NamedTuple

from therapy.domain.access import Actor
from therapy.domain.draft_lines import with_texts
from therapy.domain.find_and_replace import Replacement, replaced
from therapy.domain.transcript import TranscriptVersion
from therapy.repositories.records import Records
from therapy.workflows.draft_preconditions import ANY, Precondition
from therapy.workflows.drafts import DraftView, Lines, edit, look_at


class LinesReplaced(NamedTuple):
    """How often something was found, and the lines that changed, as they are then."""

    times: int
    lines: Lines
    view: DraftView


class _Change:
    """Replaces in all lines; keeps what it found the last time that it was called."""

    def __init__(self, wanted: Replacement) -> None:
        self._wanted = wanted
        self.times = 0
        self.lines: Lines = ()

    def __call__(self, base: TranscriptVersion, lines: Lines) -> Lines:
        found = replaced([each.text for each in lines], self._wanted)
        texts = {lines[place].start_ms: text for place, text in found.texts.items()}
        after = with_texts(base, lines, texts)
        self.times, self.lines = found.times, tuple(after[place] for place in found.texts)
        return after


async def replace(
    actor: Actor,
    session_id: str,
    wanted: Replacement,
    precondition: Precondition = ANY,
    *,
    is_preview: bool = False,
    records: Records,
) -> LinesReplaced:
    """Replace in the actor's draft; a preview writes nothing. Without a draft one is made.

    Raises:
        InvalidInput, TooLarge: as `find_and_replace.replaced`.
        DraftChanged, WrongState: as `drafts.edit`.
    """
    change = _Change(wanted)
    if is_preview:
        view = await look_at(actor, session_id, precondition, records=records)
        await asyncio.to_thread(change, view.base, view.lines)
    else:
        view = await edit(actor, session_id, change, precondition, records=records)
    return LinesReplaced(change.times, change.lines, view)
