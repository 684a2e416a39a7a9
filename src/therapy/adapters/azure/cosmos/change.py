"""Which steps of a batch a change of a session becomes, given what is stored; pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from therapy.adapters.azure.cosmos import partition
from therapy.adapters.azure.cosmos.container import Item, Step
from therapy.adapters.azure.cosmos.keys import stamp
from therapy.domain.errors import LeaseLost, Stale, TherapyError
from therapy.domain.run import Run
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sessions import Change, same_words

Stored = Mapping[str, Item | None]
"""Items by id; None for those that were looked for in vain."""


def to_read(change: Change, *, everything: bool) -> set[str]:
    """The ids to look up before writing; what is said to be new only if `everything` is wanted."""
    ids = {partition.run_id(run.id) for run in change.runs if run.version or everything}
    if change.session is not None and (change.session.version or everything):
        ids.add(partition.SESSION)
    if change.transcript is not None and not change.drop_transcripts:
        ids.add(partition.transcript_id(change.transcript.number))
    return ids


def steps_of(
    session_id: str,
    change: Change,
    stored: Stored,
    *,
    transcript: Mapping[str, Any],
    dropped: Iterable[str],
    positions: partition.Positions,
) -> list[Step]:
    """Make the steps; `transcript` are the fields of the change's, `dropped` the ids of all there are.

    Raises:
        Stale, LeaseLost: as the port says.
    """
    steps = []
    if change.session is not None:
        session = replace(change.session, version=change.session.version + 1)
        there = stored.get(partition.SESSION)
        _expect(there, change.session.version, Stale(session=session_id))
        steps.append(_write(partition.SESSION, there, partition.session_fields(session)))
    for run in change.runs:
        there = stored.get(partition.run_id(run.id))
        _expect(there, run.version, LeaseLost(run=run.id))
        fields = partition.run_fields(replace(run, version=run.version + 1))
        steps.append(_write(partition.run_id(run.id), there, fields))
    kept = ""
    if change.transcript is not None:
        kept = partition.transcript_id(change.transcript.number)
        if change.drop_transcripts:
            steps.append(Step("upsert", kept, transcript))
        else:
            there = stored.get(kept)
            _expect_words(there, change.transcript, session_id)
            steps.append(_write(kept, there, transcript))
    steps += [
        Step(
            "upsert", partition.item_id(item.id), partition.item_fields(item, positions.following())
        )
        for item in change.outbox
    ]
    steps += [Step("delete", each) for each in dropped if each != kept]
    return steps


def newly_due(change: Change, stored: Stored) -> tuple[list[datetime], list[datetime]]:
    """The moments to announce, of runs and of items: all that come earlier than what is stored."""
    runs = [
        run.due_at for run in change.runs if due_earlier(run, stored.get(partition.run_id(run.id)))
    ]
    return runs, [item.due_at for item in change.outbox]


def due_earlier(run: Run, stored: Item | None) -> bool:
    """Tell whether a run gets due before the stored one does."""
    return not run.over and (stored is None or stamp(run.due_at) < stored.get("due", "~"))


def _expect(stored: Item | None, version: int, otherwise: TherapyError) -> None:
    """Raise `otherwise` unless what is stored has this version; 0 is that of nothing."""
    if (stored["version"] if stored else 0) != version:
        raise otherwise


def _expect_words(stored: Item | None, given: TranscriptVersion, session_id: str) -> None:
    if stored is not None and not same_words(partition.read_transcript(stored), given):
        raise Stale(session=session_id, transcript=given.number)


def _write(item_id: str, stored: Item | None, fields: Mapping[str, Any]) -> Step:
    if stored is None:
        return Step("create", item_id, fields)
    return Step("replace", item_id, fields, stored["_etag"])
