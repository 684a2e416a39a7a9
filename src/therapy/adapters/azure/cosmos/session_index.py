"""The session index in Cosmos DB: a copy of a session's entry in each list that it belongs to.

The lists are partitions, one for each therapist and each patient. A session's own entry, its home, is in a
partition of its own; that item also names every list that may have a copy. An entry is written in this
order:

1. The home is replaced by its ETag, unless it has a greater sequence or was removed: with the entry, with
   `revision` + 1, and with both the old and the new lists.
2. The copies are written to the lists that the entry belongs to.
3. The copies are removed from the lists that it has left; their revision stays there for some days.
4. The home drops the lists that were left.

A copy is only replaced by one with a greater revision. So a late writer, one that was slow or is repeated
after a crash, finds a newer home or copy and changes nothing, and a list that was left can't get its copy
back. `SessionEntryChanged` is delivered again until all four steps are done.
"""

import asyncio
from collections.abc import Collection

from msgspec.structs import replace

from therapy.adapters.azure.cosmos import session_index_items as index_items
from therapy.adapters.azure.cosmos.batch_steps import Fields
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container_requests import ATTEMPTS, Item
from therapy.adapters.azure.cosmos.document import body_of, read_body
from therapy.adapters.azure.cosmos.errors import contended
from therapy.adapters.azure.cosmos.keys import END
from therapy.adapters.azure.cosmos.queries import has_part
from therapy.domain import codec
from therapy.domain.errors import NotFound
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.domain.text_folding import SpokenWords, fold, query_forms, spoken_words
from therapy.ports.session_index import SessionIndex

HOME = "home"
FIRST_SEQUENCE = 2
"""The sequence of the entry that a session begins with: of a session and its run, both written once.

Such an entry is created without looking first; if there is one, it is looked for then.
"""

HAS_BEGINNING = "EXISTS(SELECT VALUE w FROM w IN c.words WHERE STARTSWITH(w, @word{}))"
HAS_WORD = "ARRAY_CONTAINS(c.words, @word{})"
MOST_CONDITIONS = 8
"""The most words in one query; Cosmos bounds the number of subqueries."""


class CosmosSessionIndex(SessionIndex):
    """Stores the entries of all practices."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.session_index

    async def put(self, practice_id: str, entry: SessionEntry) -> None:
        lists = index_items.lists_of(practice_id, entry)
        pk, copy_id = (
            index_items.home_of(practice_id, entry.session_id),
            index_items.copy_id(entry.session_id),
        )
        for attempt in range(ATTEMPTS):
            home: Item | None = None
            copies: list[Item | None] = [None for _ in lists]
            if attempt or entry.sequence > FIRST_SEQUENCE:
                home, *copies = await asyncio.gather(
                    self._container.read(pk, HOME),
                    *(self._container.read(each, copy_id) for each in lists),
                )
            if home is not None and (home["removed"] or home["sequence"] > entry.sequence):
                return
            left = sorted({*home["lists"]} - {*lists}) if home else []
            revision = home["revision"] + 1 if home else 1
            fields = {
                "removed": False,
                "sequence": entry.sequence,
                "revision": revision,
                "lists": [*lists, *left],
                "body": body_of(replace(entry, words=())),
            }
            written = await self._write_home(pk, home, fields)
            if written:
                await asyncio.gather(
                    *(
                        self._copy(each, entry.session_id, entry, revision, copy)
                        for each, copy in zip(lists, copies, strict=True)
                    )
                )
                await self._leave(entry.session_id, left, fields, written)
                return
        raise contended()

    async def remove(self, practice_id: str, session_id: str) -> None:
        pk = index_items.home_of(practice_id, session_id)
        for _ in range(ATTEMPTS):
            home = await self._container.read(pk, HOME)
            if home is not None and home["removed"] and not home["lists"]:
                return
            left = list(home["lists"]) if home else []
            revision = home["revision"] + 1 if home else 1
            fields = {"removed": True, "sequence": 0, "revision": revision, "lists": left}
            written = await self._write_home(pk, home, fields)
            if written:
                await self._leave(session_id, left, fields, written)
                return
        raise contended()

    async def get(self, practice_id: str, session_id: str) -> SessionEntry:
        home = await self._container.read(index_items.home_of(practice_id, session_id), HOME)
        if home is None or home["removed"]:
            raise NotFound(session=session_id)
        return read_body(SessionEntry, home)

    async def of_therapist(
        self,
        practice_id: str,
        therapist_id: str,
        states: Collection[SessionStatus],
        before: str,
        limit: int,
    ) -> tuple[SessionEntry, ...]:
        pk = index_items.of_therapist(practice_id, therapist_id)
        ranges = index_items.ranges_of(states, before)
        if len(ranges) == 1:
            return tuple(await self._range(pk, ranges[0], _most(limit)))
        found = await asyncio.gather(*(self._range(pk, each, _most(limit)) for each in ranges))
        return _newest([entry for entries in found for entry in entries], limit)

    async def of_patient(
        self, practice_id: str, person_id: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        if not person_id:
            return ()
        pk = index_items.of_patient(practice_id, person_id)
        closed = index_items.range_of(index_items.CLOSED, before)
        return tuple(await self._range(pk, closed, _most(limit)))

    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        if not fold(query):
            return ()
        pk = index_items.of_therapist(practice_id, therapist_id)
        closed = index_items.range_of(index_items.CLOSED, before)
        by_field, by_word = await asyncio.gather(
            self._range(pk, closed, _most(limit), parts=query_forms(query)),
            self._spoken(pk, spoken_words(query), before, _most(limit)),
        )
        once = {entry.session_id: entry for entry in (*by_field, *by_word)}
        return _newest(list(once.values()), limit)

    async def _range(
        self, pk: str, within: index_items.Range, limit: int, *, parts: tuple[str, ...] = ()
    ) -> list[SessionEntry]:
        """Return the newest entries of a range of a list that have one of `parts` in one of their fields."""
        if not limit:
            return []
        field = f"c.{within.field}"
        having, values = has_part(parts)
        found = await self._container.query(
            pk,
            f"{field} > @low AND {field} < @high{having}",
            select="VALUE c.body",
            order=f"{field} DESC",
            limit=limit,
            low=within.low,
            high=within.high,
            **values,
        )
        return codec.decode_all(SessionEntry, found)

    async def _spoken(
        self, pk: str, wanted: SpokenWords, before: str, limit: int
    ) -> list[SessionEntry]:
        """Return a list's newest entries whose transcripts have each wanted word."""
        words = index_items.longest(wanted.beginnings) or [*wanted.whole]
        asked, rest = words[:MOST_CONDITIONS], words[MOST_CONDITIONS:]
        has = HAS_WORD if wanted.whole else HAS_BEGINNING
        conditions = "".join(f" AND {has.format(number)}" for number in range(len(asked)))
        values = {f"word{number}": word for number, word in enumerate(asked)}
        entries: list[SessionEntry] = []
        end = before or END
        while asked and len(entries) < limit:
            found = await self._container.query(
                pk,
                f"c.heard < @end{conditions}",
                select=f"c.heard, c.body{', c.words' if rest else ''}",
                order="c.heard DESC",
                limit=limit,
                end=end,
                **values,
            )
            chosen = [
                each
                for each in found
                if not rest or index_items.has_all(each["words"], rest, whole=bool(wanted.whole))
            ]
            entries += [read_body(SessionEntry, each) for each in chosen]
            if len(found) < limit:
                break
            end = found[-1]["heard"]
        return entries[:limit]

    async def _write_home(self, pk: str, home: Item | None, fields: Fields) -> Item | None:
        """Write a home if it is unchanged since it was read and return it; None if it has changed."""
        if home is not None:
            return await self._container.replace(home, fields)
        return None if await self._container.create(pk, HOME, fields) else fields

    async def _copy(
        self,
        pk: str,
        session_id: str,
        entry: SessionEntry | None,
        revision: int,
        stored: Item | None,
    ) -> None:
        """Write an entry's copy to a list, or remove it (None), unless a later copy is there."""
        for _ in range(ATTEMPTS):
            if stored is not None and stored["revision"] >= revision:
                return
            if entry is None:
                steps = index_items.gone_steps(session_id, revision, stored)
            else:
                steps = index_items.steps_of(session_id, entry, revision, stored, pk)
            if await self._container.batch(pk, steps) is None:
                return
            stored = await self._container.read(pk, index_items.copy_id(session_id))
        raise contended()

    async def _leave(
        self, session_id: str, left: Collection[str], fields: Fields, written: Item
    ) -> None:
        """Remove the copies from the lists that were left, then these lists from an unchanged home."""
        if not left:
            return
        copy_id = index_items.copy_id(session_id)
        copies = await asyncio.gather(*(self._container.read(each, copy_id) for each in left))
        await asyncio.gather(
            *(
                self._copy(pk, session_id, None, fields["revision"], copy)
                for pk, copy in zip(left, copies, strict=True)
            )
        )
        kept = [each for each in fields["lists"] if each not in left]
        await self._container.replace(written, {**fields, "lists": kept})


def _most(limit: int) -> int:
    return max(0, min(limit, MOST_ENTRIES))


def _newest(entries: list[SessionEntry], limit: int) -> tuple[SessionEntry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.sort_key, reverse=True)[: _most(limit)])
