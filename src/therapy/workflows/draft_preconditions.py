"""What whoever changes a draft knows of it, so that nobody overwrites what they have not seen."""

from typing import NamedTuple

from therapy.domain.draft import Draft, changed_since
from therapy.domain.errors import DraftChanged
from therapy.domain.session import Session


class Precondition(NamedTuple):
    """What whoever changes a draft knows of it.

    `revisions` are those that it may have, None = any; `must_exist` and `must_be_new` say whether there
    must be one already, or none.
    """

    revisions: frozenset[str] | None = None
    must_exist: bool = False
    must_be_new: bool = False


ANY = Precondition()
NEW = Precondition(must_be_new=True)


def check(precondition: Precondition, draft: Draft | None, session: Session) -> None:
    """Raise DraftChanged unless the draft is as its sender knows it."""
    wanted, in_force = precondition.revisions, session.transcript_number
    if draft is None or not draft.is_open:
        if wanted is not None or precondition.must_exist:
            raise DraftChanged("draft_gone", version_in_force=in_force)
        return
    if precondition.must_be_new or (wanted is not None and draft.revision not in wanted):
        raise _changed(draft, wanted or frozenset(), in_force)


def _changed(draft: Draft, known: frozenset[str], in_force: int) -> DraftChanged:
    changed = changed_since(draft, known)
    return DraftChanged(
        "draft_changed",
        changed.lines,
        etag=f'"{draft.revision}"',
        more_changed=changed.more,
        changed_at=f"{changed.at:%Y-%m-%dT%H:%M:%SZ}",
        version_in_force=in_force,
    )
