"""What every record promises, whatever it keeps: each sample on each family.

A thirteenth record, written in one file of the tests, is held to it like those of src.
"""

import ast
import inspect
import json
import pkgutil
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import therapy.repositories
from tests.builders import MINUTE, OTHER_PRACTICE, SECOND
from tests.repositories import thirteenth_record
from tests.repositories.changes import NO_UNICODE, ODD_IDS, at_once
from tests.repositories.samples import SAMPLES, Place, Sample
from therapy.adapters.memory.store import MemoryStore
from therapy.domain import codec
from therapy.domain.errors import InvalidInput, NotFound, Stale, Unavailable
from therapy.ports.store import Delete, Item, Put, Store
from therapy.repositories.change import Change, Pending
from therapy.repositories.records import Records
from therapy.repositories.repository import Repository
from therapy.testing.clock import Clock

SRC = Path(therapy.repositories.__file__).parents[1]
PLACE = Place()
PUT_FIELDS = tuple(each.name for each in msgspec.structs.fields(Put))


def with_samples(**wanted: bool) -> pytest.MarkDecorator:
    """Run a test with each sample, or with those that have (or lack) something."""
    chosen = [
        name
        for name, sample in SAMPLES.items()
        if all(bool(getattr(sample, each)) is has for each, has in wanted.items())
    ]
    assert chosen
    return pytest.mark.parametrize("sample", [SAMPLES[name] for name in chosen], ids=chosen)


class Kept:
    """A sample's repository over a store, in the words of the tests."""

    def __init__(self, sample: Sample, store: Store) -> None:
        self.sample = sample
        self.store = store
        self.repository: Repository[Any] = sample.repository(store)

    def record(self, place: Place = PLACE, **changes: Any) -> Any:
        """Return the sample as it is called at a place."""
        return replace(self.sample.named(self.sample.record, place), **changes)

    def written(self, record: Any, place: Place = PLACE) -> Pending:
        return self.sample.write(self.repository, record, place)

    async def write(self, record: Any = None, place: Place = PLACE) -> None:
        pending = self.written(record or self.record(place), place)
        await Change(pending).commit(self.store)

    async def load(self, place: Place = PLACE) -> Any:
        """Return the record; None if there is none."""
        try:
            return await self.sample.load(self.repository, place)
        except NotFound:
            return None

    async def item(self, place: Place = PLACE) -> Item:
        """Return the stored item, which must be there."""
        partition, item_id = self.address(place)
        return (await self.store.get(partition, item_id))[item_id]

    def address(self, place: Place = PLACE) -> tuple[str, str]:
        pending = self.written(self.record(place), place)
        return pending.partition, pending.write.id

    async def put(self, **changes: Any) -> Item:
        """Store an item in the record's place, like its own but for these fields, and return it."""
        partition, _ = self.address()
        fields = msgspec.structs.asdict(self.written(self.record()).write) | changes
        await self.store.commit(partition, [Put(**{each: fields[each] for each in PUT_FIELDS})])
        return await self.item()

    async def listed(self) -> tuple[Any, ...]:
        """Return all of its partition that the repository knows."""
        return await self.repository.list_all(self.address()[0], "")


@pytest.fixture
def kept(sample: Sample, store: Store) -> Kept:
    return Kept(sample, store)


def counted(record: Any, version: int) -> Any:
    return replace(record, version=version) if hasattr(record, "version") else record


# --- reading and writing -------------------------------------------------------------------------


@with_samples()
async def test_a_record_is_read_as_it_was_written(kept: Kept) -> None:
    await kept.write()
    item = await kept.item()
    assert item.version > 0
    assert await kept.load() == counted(kept.record(), item.version)
    assert await kept.listed() == (await kept.load(),)


@with_samples()
async def test_the_item_is_what_the_repository_says_and_its_body_has_no_version(kept: Kept) -> None:
    await kept.write()
    item, record, repository = await kept.item(), kept.record(), kept.repository
    due = repository.due(record)
    assert item.kind == repository.kind
    assert item.body == codec.encode(record)
    assert json.loads(item.body)["schema_version"] == codec.SCHEMA_VERSION
    assert "version" not in json.loads(item.body)
    assert (item.queue, item.due_at) == (due or ("", None))
    assert item.expires_at == repository.expires_at(record)


@with_samples()
async def test_a_record_that_is_missing_is_none_or_not_found(kept: Kept) -> None:
    assert await kept.load() is None
    assert await kept.listed() == ()


@with_samples(taken=True)
async def test_a_new_record_is_never_written_over(kept: Kept) -> None:
    await kept.write()
    before = await kept.item()
    for _ in range(2):
        with pytest.raises(kept.sample.taken):
            await kept.write()
    assert await kept.item() == before


@with_samples(taken=False)
async def test_where_there_is_no_first_the_last_one_to_write_wins(kept: Kept) -> None:
    await kept.write()
    before = await kept.item()
    other = kept.record(**kept.sample.another)
    await kept.write(other)
    item = await kept.item()
    assert item.version != before.version
    assert await kept.load() == counted(other, item.version)


@with_samples(taken=True)
async def test_of_those_who_write_a_new_one_at_once_one_does(kept: Kept, replica: Records) -> None:
    other = Kept(kept.sample, replica.store)
    won, failed = await at_once(*(each.write() for each in [kept, other] * 3))
    assert len(won) == 1
    assert failed == [kept.sample.taken] * 5
    assert await other.load() == counted(kept.record(), 1)


@with_samples(stale=True)
async def test_a_record_is_replaced_as_it_was_read_and_no_other_way(kept: Kept) -> None:
    await kept.write()
    await kept.write(kept.record(**kept.sample.another, version=1))
    stored = await kept.load()
    assert stored == kept.record(**kept.sample.another, version=2)
    assert "version" not in json.loads((await kept.item()).body)
    for version in (1, 3, 2**40):
        with pytest.raises(kept.sample.stale):
            await kept.write(kept.record(version=version))
    assert await kept.load() == stored


@with_samples(stale=True)
async def test_of_those_who_replace_a_record_at_once_one_does(kept: Kept, replica: Records) -> None:
    other = Kept(kept.sample, replica.store)
    await kept.write()
    won, failed = await at_once(*(each.write(each.record(version=1)) for each in [kept, other] * 3))
    assert len(won) == 1
    assert failed == [kept.sample.stale] * 5
    assert await other.load() == kept.record(version=2)


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("family_name", ["memory", "local"])
@with_samples()
async def test_no_two_odd_names_share_a_record(kept: Kept) -> None:
    """E-mail addresses are the same in any case, so of those that differ in it one is left out.

    The addresses are the repository's; that Cosmos keeps any two apart, the contract of its store says.
    """
    names = [each for each in ODD_IDS if each not in {"A", "a ", ""}]
    places = [Place(name=name) for name in names]
    if not kept.sample.everywhere:
        places += [Place(practice=name) for name in names if name != "a"]
    for place in places:
        await kept.write(place=place)
    addresses = {kept.address(place) for place in places}
    assert len(addresses) == len(places)
    versions = {(each.partition, each.id): each.version async for each in kept.store.walk()}
    for place in places:
        version = versions[kept.address(place)]
        assert await kept.load(place) == counted(kept.record(place), version)


@with_samples(everywhere=False)
async def test_practices_share_no_record(kept: Kept) -> None:
    theirs = Place(OTHER_PRACTICE, PLACE.name)
    await kept.write()
    assert await kept.load(theirs) is None
    await kept.write(place=theirs)
    before = await kept.item()
    partition, item_id = kept.address(theirs)
    await kept.store.commit(partition, [Delete(id=item_id)])
    assert await kept.load(theirs) is None
    assert await kept.item() == before


@with_samples(text=True)
async def test_a_text_that_is_no_unicode_is_refused_without_quoting_it(kept: Kept) -> None:
    with pytest.raises(InvalidInput) as caught:
        await kept.write(kept.record(**{kept.sample.text: NO_UNICODE}))
    assert "said" not in str(caught.value)
    assert await kept.load() is None


# --- what other programs wrote -------------------------------------------------------------------


def stored_with(kept: Kept, **fields: Any) -> bytes:
    """Return the sample's body with other fields."""
    return json.dumps(json.loads(codec.encode(kept.record())) | fields).encode()


async def assert_passed_over_and_kept(kept: Kept, item: Item) -> None:
    """What is not known is in no list, and as it was after others of its partition were written."""
    assert await kept.listed() == ()
    await kept.store.commit(item.partition, [Put(id="zz", kind="other", body=b"")])
    assert kept.repository.known([item]) == ()
    assert kept.repository.read_if_readable(item) is None
    assert await kept.item() == item


@with_samples()
async def test_fields_that_only_a_newer_program_knows_are_skipped(kept: Kept) -> None:
    item = await kept.put(body=stored_with(kept, of_tomorrow={"a": [1]}))
    assert await kept.load() == counted(kept.record(), item.version)


@with_samples()
async def test_a_form_that_only_a_newer_program_knows_is_passed_over_and_kept(kept: Kept) -> None:
    item = await kept.put(body=stored_with(kept, schema_version=9))
    await assert_passed_over_and_kept(kept, item)
    with pytest.raises(Unavailable, match="newer"):
        await kept.repository.get(item.partition, item.id)


@with_samples(unknown=True)
async def test_a_value_that_only_a_newer_program_knows_is_passed_over_and_kept(kept: Kept) -> None:
    item = await kept.put(body=stored_with(kept, **kept.sample.unknown))
    await assert_passed_over_and_kept(kept, item)
    with pytest.raises(Unavailable, match="not_known"):
        await kept.repository.get(item.partition, item.id)


@with_samples()
async def test_an_item_of_another_kind_is_passed_over_and_kept(kept: Kept) -> None:
    item = await kept.put(kind="of-tomorrow", body=b"\x00 of any form")
    await assert_passed_over_and_kept(kept, item)
    assert await kept.load() is None


@with_samples()
async def test_a_damaged_record_says_so_without_quoting_it(kept: Kept) -> None:
    item = await kept.put(body=b'{"schema_version":1,"said":"something"')
    with pytest.raises(Unavailable, match="damaged") as caught:
        await kept.repository.get(item.partition, item.id)
    assert "said" not in str(caught.value)
    assert kept.repository.read_if_readable(item) is None


# --- what is due and what expires ----------------------------------------------------------------

DUE = [
    name for name, each in SAMPLES.items() if each.repository(MemoryStore(Clock())).due(each.record)
]
EXPIRING = [
    name
    for name, each in SAMPLES.items()
    if each.repository(MemoryStore(Clock())).expires_at(each.record)
]


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in DUE], ids=DUE)
async def test_a_record_is_due_in_its_queue_from_its_moment_on(kept: Kept) -> None:
    await kept.write()
    queue, at = kept.repository.due(kept.record())
    assert await kept.store.due([queue], at - SECOND, 10) == ()
    assert await kept.store.due([queue], at, 10) == (await kept.item(),)
    assert await kept.store.due([f"{queue}-else"], at, 10) == ()


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in DUE], ids=DUE)
@pytest.mark.parametrize("body", [None, b"{", b'{"schema_version":9}'])
async def test_whatever_is_due_can_be_put_off_readable_or_not(
    kept: Kept, body: bytes | None
) -> None:
    queue, at = kept.repository.due(kept.record())
    item = await kept.put(body=body if body is not None else codec.encode(kept.record()))
    later = at + 5 * MINUTE
    await Change(kept.repository.put_off(item, later)).commit(kept.store)
    assert await kept.store.due([queue], later - SECOND, 10) == ()
    (found,) = await kept.store.due([queue], later, 10)
    assert found == msgspec.structs.replace(item, version=found.version, due_at=later)
    assert found.version != item.version
    with pytest.raises(Stale):
        await Change(kept.repository.put_off(item, at)).commit(kept.store)


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in EXPIRING], ids=EXPIRING)
async def test_a_record_that_has_expired_is_missing_and_can_be_written_anew(
    kept: Kept, clock: Clock
) -> None:
    await kept.write()
    ends = kept.repository.expires_at(kept.record())
    clock.now = ends - timedelta(microseconds=1)
    assert await kept.load() is not None
    clock.now = ends
    assert await kept.load() is None
    assert await kept.listed() == ()
    if kept.sample.stale:
        with pytest.raises(kept.sample.stale):
            await kept.write(kept.record(version=1))
    await kept.write()


# --- every repository, and the thirteenth --------------------------------------------------------


def repositories_of_src() -> set[type]:
    for module in pkgutil.iter_modules(therapy.repositories.__path__):
        import_module(f"therapy.repositories.{module.name}")
    found, waiting = set(), [Repository]
    while waiting:
        waiting += (kind := waiting.pop()).__subclasses__()
        if hasattr(kind, "kind") and kind.__module__.startswith("therapy.repositories"):
            found.add(kind)
    return found


def test_every_repository_has_a_sample() -> None:
    store = MemoryStore(Clock())
    sampled = {type(sample.repository(store)) for sample in SAMPLES.values()}
    assert repositories_of_src()
    assert repositories_of_src() - sampled == set()
    assert sampled - repositories_of_src() == {thirteenth_record.KeptAnswers}


def test_no_two_repositories_keep_the_same_kind() -> None:
    store = MemoryStore(Clock())
    kinds = {name: sample.repository(store).kind for name, sample in SAMPLES.items()}
    assert list(kinds) == list(kinds.values())


def test_a_thirteenth_record_is_one_file_that_nothing_in_src_knows() -> None:
    file = Path(inspect.getfile(thirteenth_record))
    imported = {
        node.module
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("therapy")
    }
    allowed = ("therapy.domain.", "therapy.repositories.")
    assert [each for each in imported if not each.startswith(allowed)] == []
    names = {"KeptAnswer", thirteenth_record.ABANDONED}
    texts = [path.read_text(encoding="utf-8") for path in SRC.rglob("*.py")]
    assert len(texts) > 100
    assert not [name for name in names for text in texts if name in text]
