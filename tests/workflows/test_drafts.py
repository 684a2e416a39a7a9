"""Drafts: what is saved, how little of it is written, and that two who edit never lose a word."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, SESSION, an_actor, an_utterance
from tests.workflows.interrupted_ports import InterruptedStore
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    an_installation,
    begun,
    lines_of,
    reviewed,
)
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.draft_lines import split, with_speakers
from therapy.domain.edited_lines import EditedLine
from therapy.domain.errors import DraftChanged, InvalidInput, NotFound, WrongState
from therapy.domain.session import State
from therapy.domain.transcript import Speaker, Word
from therapy.ports.store import Put
from therapy.repositories.records import Records
from therapy.workflows import drafts, review
from therapy.workflows.draft_preconditions import NEW, Precondition
from therapy.workflows.drafts import SentDraft


def having(view):
    return Precondition(frozenset({view.draft.revision}))


async def in_review(**ports):
    installed = await an_installation(**ports)
    await begun(installed)
    await installed.work()
    return installed


def sent(view_or_version, reviewed_to_ms=0, **texts):
    """Return the lines of a draft or version as they are sent; `_<start>` gives one another text."""
    lines = getattr(view_or_version, "lines", None) or view_or_version.utterances
    base = getattr(view_or_version, "base", view_or_version).number
    changed = [
        EditedLine(each.start_ms, each.speaker, texts.get(f"_{each.start_ms}", each.text))
        for each in lines
    ]
    return SentDraft(base, changed, reviewed_to_ms)


async def save(installed, draft, precondition=NEW, actor=ACTOR):
    return await drafts.save(actor, SESSION, draft, precondition, records=installed.records)


async def show(installed):
    return await drafts.show(ACTOR, SESSION, records=installed.records)


def texts_of(view):
    return [each.text for each in view.lines]


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


def an_hour_of_lines(number=2_000):
    """An hour of speech in short lines, each with its words."""
    step = 3_600_000 // number
    return tuple(
        an_utterance(
            "I was so tired of it all this week, and then",
            at,
            speaker=Speaker.UNKNOWN,
            voice=str(at // step % 2),
            end_ms=at + step - 1,
            words=tuple(
                Word("tired", word, word + step // 12, 0.91)
                for word in range(at, at + step, step // 10)
            ),
        )
        for at in range(0, number * step, step)
    )


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


async def test_a_second_tab_is_told_which_lines_changed_and_when():
    installed = await in_review()
    base = await installed.version(1)
    seen = await save(installed, sent(base))
    first = await save(installed, sent(seen, _3000="I am glad."), having(seen))
    with pytest.raises(DraftChanged) as caught:
        await save(installed, sent(seen, _0="Did you sleep?"), having(seen))
    problem = caught.value
    assert (problem.code, problem.lines) == ("draft_changed", (3_000,))
    assert problem.details == {
        "etag": f'"{first.draft.revision}"',
        "more_changed": False,
        "changed_at": f"{first.draft.at:%Y-%m-%dT%H:%M:%SZ}",
        "version_in_force": 1,
    }
    assert texts_of(await show(installed)) == ["How did you sleep?", "I am glad."]
    with pytest.raises(DraftChanged):
        await save(installed, sent(base), NEW)
    merged = await save(installed, sent(first, _0="Did you sleep?"), having(first))
    assert texts_of(merged) == ["Did you sleep?", "I am glad."]


async def test_two_tabs_that_save_at_once_never_overwrite_each_other():
    """Each takes what the other saved when it is told so, and saves again: every word of both is there."""
    installed = await in_review(speech=MemorySpeech(an_hour_of_lines(40)))
    view = await save(installed, sent(await installed.version(1)))
    refused = 0

    async def tab(lines, word):
        nonlocal refused
        seen = view
        for place in lines:
            start = view.lines[place].start_ms
            while True:
                try:
                    edit = {f"_{start}": f"{word} {place}"}
                    seen = await save(installed, sent(seen, **edit), having(seen))
                    break
                except DraftChanged:
                    refused += 1
                    seen = await show(installed)
            await asyncio.sleep(0)

    await asyncio.gather(tab(range(0, 40, 2), "left"), tab(range(1, 40, 2), "right"))
    texts = texts_of(await show(installed))
    assert texts == [f"{'right' if at % 2 else 'left'} {at}" for at in range(40)]
    assert refused


async def test_a_submission_by_the_app_leaves_the_draft_readable_and_says_that_it_is_old():
    installed = await in_review()
    seen = await save(installed, sent(await installed.version(1), _0="Did you sleep?"))
    await review.submit(ACTOR, SESSION, await reviewed(installed), records=installed.records)
    found = await show(installed)
    assert texts_of(found)[0] == "Did you sleep?"
    assert (found.draft.base_version, found.version_in_force) == (1, 2)
    with pytest.raises(WrongState):
        await save(installed, sent(found, _0="Did you?"), having(found))
    await installed.work()
    assert (await installed.session()).state is State.CLOSED
    again = await save(installed, SentDraft(2, sent(found).lines, 0), having(seen))
    assert (again.draft.base_version, texts_of(again)[0]) == (2, "Did you sleep?")


async def test_two_tabs_and_the_app_at_once_lose_no_word():
    for moment in range(8):
        installed = await in_review()
        base = await installed.version(1)
        first = await save(installed, sent(base))
        told = []

        async def tab(text, installed=installed, first=first, told=told):
            try:
                told.append(texts_of(await save(installed, sent(first, _0=text), having(first))))
            except (DraftChanged, WrongState) as refusal:
                told.append(refusal.code)

        async def app(installed=installed, base=base, moment=moment):
            for _ in range(moment):
                await asyncio.sleep(0)
            await review.submit(ACTOR, SESSION, lines_of(base), records=installed.records)

        await asyncio.gather(tab("left"), app(), tab("right"))
        kept = texts_of(await show(installed))
        assert (await installed.session()).state is State.CLOSING
        taken = [each for each in told if isinstance(each, list)]
        assert len(taken) <= 1
        assert kept == (taken[0] if taken else texts_of(first))


async def test_what_was_saved_and_is_sent_again_after_a_lost_answer_is_accepted_again():
    installed = await in_review()
    base = await installed.version(1)
    first = await save(installed, sent(base, 3_000, _0="a"))
    assert (await save(installed, sent(base, 3_000, _0="a"))).draft.revision == first.draft.revision
    draft = sent(base, 3_000, _0="b")
    saved = await save(installed, draft, having(first))
    again = await save(installed, draft, having(first))
    assert again == replace(saved, draft=again.draft)
    assert again.draft.revision == saved.draft.revision
    for other in (sent(base, 3_001, _0="b"), sent(base, 3_000, _0="c")):
        with pytest.raises(DraftChanged):
            await save(installed, other, having(first))


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


class LateStore(InterruptedStore):
    """A store of another process, which shows a draft as it was until its lag has passed."""

    lag = timedelta(milliseconds=1)

    def __init__(self, store):
        super().__init__(store)
        self.late = {}

    async def list(self, partition, prefix="", **named):
        found = await super().list(partition, prefix, **named)
        return self.late.pop(prefix, found)


async def test_a_draft_that_another_replica_has_just_saved_is_looked_at_twice_before_it_is_412():
    installed = await in_review()
    other = LateStore(installed.store)
    theirs = replace_store(installed, other)
    prefix = f"draft-{ACTOR.person_id}|"
    base = await installed.version(1)
    first = await save(installed, sent(base, _0="a"))
    other.late[prefix] = ()
    assert texts_of(await drafts.show(ACTOR, SESSION, records=theirs))[0] == "a"
    other.late[prefix] = await installed.store.list(IN_SESSION, prefix)
    second = await save(installed, sent(first, _0="b"), having(first))
    sent_there = sent(second, _0="c")
    third = await drafts.save(ACTOR, SESSION, sent_there, having(second), records=theirs)
    assert texts_of(third)[0] == "c"
    other.late[prefix] = await installed.store.list(IN_SESSION, prefix)
    fourth = await save(installed, sent(third, _0="d"), having(third))
    await review.hand_in(ACTOR, SESSION, None, records=theirs)
    assert (await installed.version(2)).utterances[0].text == texts_of(fourth)[0] == "d"


def replace_store(installed, store):
    return Records(store, now=installed.clock, new_id=installed.ports.new_id)
