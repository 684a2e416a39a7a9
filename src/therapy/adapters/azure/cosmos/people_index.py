"""The people index in Cosmos DB: a partition for each practice, with an item for each account.

    practice|<practice>   person-<id>   an entry; `sort` is its position among all, `in_role` among those
                                        of its role, `fields` are the folded texts that a search looks
                                        in, one per line

An entry is replaced by its ETag, so that a late writer finds the newer one. Where a person was removed, a
mark stays for `GONE_FOR`, longer than any writer can be late.
"""

from typing import Any, NamedTuple

from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container_requests import ATTEMPTS, Item
from therapy.adapters.azure.cosmos.errors import contended
from therapy.adapters.azure.cosmos.keys import END
from therapy.adapters.azure.cosmos.queries import has_part
from therapy.adapters.azure.cosmos.session_index_items import GONE_FOR
from therapy.domain import codec
from therapy.domain.partition_keys import key, part
from therapy.domain.people import Role
from therapy.domain.person_entry import MOST_PEOPLE, PersonEntry, person_fields
from therapy.domain.text_folding import query_forms
from therapy.ports.people_index import PeopleIndex

FIRST_SEQUENCE = 1
"""The sequence of a new account's entry: it is created without looking first, unless there is one."""


class CosmosPeopleIndex(PeopleIndex):
    """Stores the entries of all practices."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.people_index

    async def put(self, practice_id: str, entry: PersonEntry) -> None:
        pk, item_id, fields = partition_of(practice_id), item_id_of(entry.id), fields_of(entry)
        for attempt in range(ATTEMPTS):
            may_be_there = attempt or entry.sequence > FIRST_SEQUENCE
            stored = await self._container.read(pk, item_id) if may_be_there else None
            if stored is not None and (stored["removed"] or stored["sequence"] > entry.sequence):
                return
            if stored is None:
                written = await self._container.create(pk, item_id, fields) is None
            else:
                written = await self._container.replace(stored, fields) is not None
            if written:
                return
        raise contended()

    async def remove(self, practice_id: str, person_id: str) -> None:
        mark = {"removed": True, "ttl": GONE_FOR}
        await self._container.put(partition_of(practice_id), item_id_of(person_id), mark)

    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[PersonEntry, ...]:
        name, _, last_id = after.rpartition("|")
        path, before = ("in_role", f"{role.value}|") if role else ("sort", "")
        within = _Range(path, before + _sort(name, last_id) if after else before, before + END)
        most = max(0, min(limit, MOST_PEOPLE))
        entries: list[PersonEntry] = []
        while len(entries) < most:
            found = await self._page(practice_id, within, query_forms(query), most)
            known = [codec.decode_if_known(PersonEntry, each["body"].encode()) for each in found]
            entries += [each for each in known if each is not None]
            if len(found) < most:
                break
            within = within._replace(low=found[-1][path])
        return tuple(entries[:most])

    async def _page(
        self, practice_id: str, within: "_Range", parts: tuple[str, ...], limit: int
    ) -> list[Item]:
        """Return the first entries of a range that have one of `parts` in one of their fields."""
        field = f"c.{within.field}"
        having, values = has_part(parts)
        return await self._container.query(
            partition_of(practice_id),
            f"{field} > @low AND {field} < @high{having}",
            select=f"{field}, c.body",
            order=field,
            limit=limit,
            low=within.low,
            high=within.high,
            **values,
        )


class _Range(NamedTuple):
    """Entries whose indexed `field` is between `low` and `high`, both excluded."""

    field: str
    low: str
    high: str


def fields_of(entry: PersonEntry) -> dict[str, Any]:
    """Return the fields of an entry's item."""
    body, sort = codec.encode(entry).decode(), _sort(*entry.sort_key)
    return {
        "removed": False,
        "sequence": entry.sequence,
        "sort": sort,
        "in_role": f"{entry.role.value}|{sort}",
        "fields": "\n".join(person_fields(entry)),
        "body": body,
    }


def _sort(name: str, person_id: str) -> str:
    """Return a text that sorts like name and id: in hex, as stores differ on characters above U+FFFF."""
    return f"{name.encode().hex()}.{person_id.encode().hex()}"


def partition_of(practice_id: str) -> str:
    """Return the name of a practice's partition."""
    return key("practice", practice_id)


def item_id_of(person_id: str) -> str:
    """Return the id of an account's entry."""
    return f"person-{part(person_id)}"
