"""Drafts: a therapist's unsent edit of a transcript, one for each session and therapist, beside the session.

    draft-<author>|head       how far it is, which parts it has, and what its last saves changed
    draft-<author>|part-<n>   the changes in five minutes of the recording, if there are any

An autosave writes the head and the parts that changed. Each part names the save that wrote it, and the head
those of its parts, so that a reader who meets a save half way looks again. A draft that was discarded or
submitted leaves a head without content for a day: else a late save could take the next draft for its own.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from msgspec.structs import replace

from therapy.domain.codec import LONG
from therapy.domain.draft import Draft, DraftPart, LineChange, applied
from therapy.domain.errors import Stale, Unavailable
from therapy.domain.partition_keys import part
from therapy.domain.transcript import TranscriptVersion, Utterance
from therapy.ports.store import Item, Store
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository
from therapy.repositories.sessions import session_partition

FORGOTTEN = timedelta(days=1)
"""After so long nothing is left of a draft that is over."""

PAUSES_SECONDS = (0.0, 0.02, 0.04, 0.08, 0.16, 0.32)
"""How long to wait before each look at a draft that others save at the same moment."""

Parts = Mapping[str, tuple[LineChange, ...]]


class StoredDraft(NamedTuple):
    """A draft and its changes by part; `draft` is None if there never was one."""

    draft: Draft | None
    parts: Parts

    def lines(self, base: TranscriptVersion) -> tuple[Utterance, ...]:
        """Return its lines, given its base version; those of the base if there is no draft."""
        return applied(base.utterances, chain.from_iterable(self.parts.values()))


class _Heads(Repository[Draft]):
    kind = "draft"
    struct = Draft

    def expires_at(self, record: Draft) -> datetime | None:
        return None if record.is_open else record.at + FORGOTTEN


class _Parts(Repository[DraftPart]):
    kind = "draft-part"
    struct = DraftPart


class Drafts:
    """Stores drafts; `Draft.version` guards every change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heads = _Heads(store)
        self._parts = _Parts(store)

    async def load(self, practice_id: str, session_id: str, author_id: str) -> StoredDraft:
        """Return a person's draft of a session's transcript.

        Raises:
            Unavailable: it is saved so often that no state of it can be read, or a newer program wrote it.
        """
        partition = session_partition(practice_id, session_id)
        for pause in PAUSES_SECONDS:
            await asyncio.sleep(pause)
            items = await self._store.list(partition, _prefix(author_id))
            long = sum(len(each.body) for each in items) >= LONG
            found = await asyncio.to_thread(self._read, items) if long else self._read(items)
            if found is not None:
                return found
        raise Unavailable(reason="changing", kind=Draft.__name__)

    def _read(self, items: tuple[Item, ...]) -> StoredDraft | None:
        """Return the draft; None if its parts are not of one moment."""
        heads = [self._heads.read(each) for each in items if each.kind == _Heads.kind]
        if not heads or not heads[0].is_open:
            return StoredDraft(heads[0] if heads else None, {})
        bodies = {each.id: each for each in items if each.kind == _Parts.kind}
        parts: dict[str, tuple[LineChange, ...]] = {}
        for name, revision in heads[0].parts.items():
            item = bodies.get(_part_id(heads[0].author_id, name))
            found = None if item is None else self._parts.read(item)
            if found is None or found.revision != revision:
                return None
            parts[name] = found.changes
        return StoredDraft(heads[0], parts)

    def save(self, draft: Draft, parts: Parts, before: StoredDraft) -> tuple[Pending, ...]:
        """Write a draft that is new, or as it was read in `before`; of its parts those that changed.

        Their revision is the draft's. Stale if someone else saved it meanwhile.
        """
        partition = session_partition(draft.practice_id, draft.session_id)
        author = draft.author_id
        changed = [name for name, found in parts.items() if before.parts.get(name) != found]
        revisions = before.draft.parts if before.draft else {}
        kept = {name: revisions.get(name, "") for name in parts}
        kept |= dict.fromkeys(changed, draft.revision)
        return (
            self._head(replace(draft, parts=kept), before),
            *(
                self._parts.put(
                    partition, _part_id(author, name), DraftPart(draft.revision, parts[name])
                )
                for name in changed
            ),
            *self._without(draft, [name for name in before.parts if name not in parts]),
        )

    def end(
        self, before: StoredDraft, revision: str, at: datetime, handed_in: int = 0
    ) -> tuple[Pending, ...]:
        """End a draft, because it was discarded or became version `handed_in`; no content of it stays.

        Stale if someone else saved it meanwhile.
        """
        if before.draft is None:
            return ()
        draft = before.draft
        over = Draft(
            draft.practice_id,
            draft.session_id,
            draft.author_id,
            revision,
            at,
            handed_in=handed_in,
            version=draft.version,
        )
        return (self._head(over, before), *self._without(draft, list(before.parts)))

    def _head(self, draft: Draft, before: StoredDraft) -> Pending:
        partition = session_partition(draft.practice_id, draft.session_id)
        version = before.draft.version if before.draft else 0
        stale = Stale(session=draft.session_id)
        return self._heads.save(partition, _head_id(draft.author_id), draft, version, stale)

    def _without(self, draft: Draft, names: list[str]) -> tuple[Pending, ...]:
        partition = session_partition(draft.practice_id, draft.session_id)
        ids = [_part_id(draft.author_id, name) for name in names]
        return tuple(self._parts.delete(partition, each) for each in ids)


def _prefix(author_id: str) -> str:
    return f"draft-{part(author_id)}|"


def _head_id(author_id: str) -> str:
    return f"{_prefix(author_id)}head"


def _part_id(author_id: str, name: str) -> str:
    return f"{_prefix(author_id)}part-{name}"
