"""Drafts: what is saved, how little of it is written, and when it is not possible."""

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, SESSION, an_actor
from tests.workflows.draft_steps import (
    an_hour_of_lines,
    having,
    in_review,
    save,
    sent,
    show,
    texts_of,
)
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    an_installation,
    begun,
)
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.draft_lines import split, with_speakers
from therapy.domain.edited_lines import EditedLine
from therapy.domain.errors import DraftChanged, InvalidInput, NotFound, WrongState
from therapy.domain.session import State
from therapy.domain.transcript import Speaker
from therapy.ports.store import Put
from therapy.workflows import drafts, review
from therapy.workflows.draft_preconditions import Precondition
from therapy.workflows.drafts import SentDraft


async def test_a_draft_survives_the_one_who_saved_it():
    installed = await in_review()
    base = await installed.version(1)
    saved = await save(installed, sent(base, 4_000, _0="How was your night?"))
    found = await show(installed)
    assert found == replace(saved, draft=found.draft)
    assert texts_of(found) == ["How was your night?", "I am glad, it is better."]
    draft = found.draft
    assert (draft.base_version, draft.reviewed_to_ms, draft.at) == (1, 4_000, installed.clock.now)
    assert found.version_in_force == 1
    assert (await installed.version(1)) == base


async def test_a_line_that_is_left_out_is_deleted_and_comes_back_when_it_is_sent_again():
    installed = await in_review()
    base = await installed.version(1)
    first = await save(installed, SentDraft(1, sent(base).lines[1:], 0))
    assert texts_of(first) == ["I am glad, it is better."]
    again = await save(installed, sent(base), having(first))
    assert again.lines == tuple(replace(each, scores=None) for each in base.utterances)


class BytesWritten:
    """Counts the bytes of the bodies that are written, and the items."""

    def __init__(self, store):
        self.items, self.total = 0, 0
        store.before_commit = self

    async def __call__(self, partition, writes):
        bodies = [each.body for each in writes if isinstance(each, Put)]
        self.items, self.total = len(bodies), sum(map(len, bodies))


async def test_an_autosave_of_2_000_lines_writes_kilobytes_and_not_the_whole():
    """The whole is a megabyte; three edits in one place write two items of a kilobyte or two."""
    installed = await in_review(speech=MemorySpeech(an_hour_of_lines()))
    base = await installed.version(1)
    whole = (await installed.store.get(IN_SESSION, "text-000001"))["text-000001"]
    assert len(whole.body) > 800_000
    starts = [each.start_ms for each in base.utterances]
    written = BytesWritten(installed.store)
    edits = {f"_{start}": "I was tired of it all, and then" for start in starts[1_000:1_003]}
    first = await save(installed, sent(base, **edits))
    assert written.total < 2_000, written.total
    assert written.items == 2
    more = {f"_{start}": "and then" for start in starts[1_003:1_006]}
    second = await save(installed, sent(first, starts[1_006], **more), having(first))
    assert written.total < 2_000, written.total
    swapped = with_speakers(base, second.lines, lambda _: Speaker.PATIENT)
    lines = [EditedLine(each.start_ms, each.speaker, each.text) for each in swapped]
    third = await save(installed, SentDraft(1, lines, 0), having(second))
    assert written.items > 12
    edits = {f"_{start}": "Then" for start in starts[50:53]}
    await save(installed, sent(third, **edits), having(third))
    assert written.total < 16_000, (
        written.total
    )  # all 2,000 are changed by now; one part of 12 is written
    assert written.items == 2


async def test_a_save_that_changes_nothing_writes_no_lines():
    installed = await in_review()
    first = await save(installed, sent(await installed.version(1), _0="a"))
    written = BytesWritten(installed.store)
    await save(installed, sent(first, 4_000), having(first))
    assert written.items == 1
    assert (await show(installed)).draft.reviewed_to_ms == 4_000


async def test_a_save_is_repeated_where_the_session_was_written_meanwhile():
    installed = await in_review()
    base = await installed.version(1)
    once = []

    async def meanwhile(partition, writes):
        if not once:
            once.append(partition)
            await review.correct(
                ACTOR, SESSION, lambda each: replace(each, summary="s"), records=installed.records
            )

    installed.store.before_commit = meanwhile
    await save(installed, sent(base, _0="a"))
    assert (await installed.session()).details.summary == "s"
    assert texts_of(await show(installed))[0] == "a"


async def test_an_edit_makes_a_draft_of_the_version_in_force_and_keeps_to_its_precondition():
    installed = await in_review()

    def cut(_, lines):
        return split(lines, 0, 1)

    first = await drafts.edit(ACTOR, SESSION, cut, records=installed.records)
    assert [each.text for each in first.lines] == [
        "How",
        "did you sleep?",
        "I am glad, it is better.",
    ]
    assert first.draft.base_version == 1
    with pytest.raises(DraftChanged):
        await drafts.edit(
            ACTOR, SESSION, cut, Precondition(frozenset({"other"})), records=installed.records
        )
    written = BytesWritten(installed.store)
    same = await drafts.edit(ACTOR, SESSION, lambda _, lines: lines, records=installed.records)
    assert (same, written.items) == (replace(first, draft=same.draft), 0)


async def test_a_draft_that_was_discarded_is_gone_and_its_tab_is_told():
    installed = await in_review()
    base = await installed.version(1)
    first = await save(installed, sent(base, _0="a"))
    with pytest.raises(DraftChanged):
        await drafts.discard(
            ACTOR, SESSION, Precondition(frozenset({"other"})), records=installed.records
        )
    for _ in range(2):
        await drafts.discard(ACTOR, SESSION, records=installed.records)
    with pytest.raises(NotFound, match="no_draft"):
        await show(installed)
    with pytest.raises(DraftChanged, match="draft_gone"):
        await save(installed, sent(base, _0="b"), having(first))
    second = await save(installed, sent(base))
    assert texts_of(second)[0] == "How did you sleep?"


async def test_nothing_of_a_draft_is_left_once_its_session_was_cancelled():
    installed = await in_review()
    first = await save(installed, sent(await installed.version(1), _0="a"))

    async def cancelled(partition, writes):
        installed.store.before_commit = nothing
        await review.cancel(ACTOR, SESSION, records=installed.records)

    async def nothing(partition, writes):
        pass

    installed.store.before_commit = cancelled
    with pytest.raises((WrongState, NotFound)):
        await save(installed, sent(first, _0="b"), having(first))
    for _ in range(3):
        await installed.sweep()
    assert (await installed.session()).state is State.ERASED
    assert await installed.store.list(IN_SESSION, "draft-") == ()
    with pytest.raises(NotFound):
        await show(installed)


async def test_there_is_no_draft_before_the_transcript_nor_of_someone_elses_session():
    installed = await an_installation()
    await begun(installed)
    draft = SentDraft(1, [EditedLine(0, Speaker.UNKNOWN, "a")], 0)
    with pytest.raises(WrongState, match="draft_not_possible"):
        await save(installed, draft)
    await installed.work()
    stranger = an_actor(person_id="another-therapist")
    for ask in (drafts.show, drafts.discard, drafts.look_at):
        with pytest.raises(NotFound):
            await ask(stranger, SESSION, records=installed.records)
    with pytest.raises(NotFound):
        await save(installed, draft, actor=stranger)
    assert await installed.records.drafts.load(PRACTICE, SESSION, "another-therapist") == (None, {})


async def test_a_base_version_that_is_gone_is_named_and_the_draft_stays():
    installed = await in_review()
    first = await save(installed, sent(await installed.version(1), _0="a"))
    for number in (0, 2, -1, 10**6):
        with pytest.raises(InvalidInput, match="no_such_version") as caught:
            await save(installed, SentDraft(number, sent(first).lines, 0), having(first))
        assert caught.value.field == "base_version"
    assert texts_of(await show(installed)) == texts_of(first)
