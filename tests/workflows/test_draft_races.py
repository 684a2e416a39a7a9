"""Two tabs, two replicas and the app at one draft: nobody overwrites what they have not seen."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.builders import SESSION, a_wav
from tests.workflows.draft_steps import (
    an_hour_of_lines,
    having,
    in_review,
    save,
    sent,
    show,
    texts_of,
)
from tests.workflows.interrupted_ports import InterruptedStore
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    an_installation,
    lines_of,
    reviewed,
    upload,
)
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import DraftChanged, VersionChanged, WrongState
from therapy.domain.session import State
from therapy.repositories.records import Records
from therapy.workflows import amendments, drafts, review
from therapy.workflows.draft_preconditions import NEW
from therapy.workflows.drafts import SentDraft


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
    await review.submit_edit(ACTOR, SESSION, None, records=theirs)
    assert (await installed.version(2)).utterances[0].text == texts_of(fourth)[0] == "d"


def replace_store(installed, store):
    return Records(store, now=installed.clock, new_id=installed.ports.new_id)


async def test_what_is_restored_over_a_draft_of_an_older_version_can_be_submitted():
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    records = installed.records
    begin = sent(await installed.version(1, session_id), _0="Did you sleep?")
    await drafts.save(ACTOR, session_id, begin, NEW, records=records)
    await upload(installed.intake, a_wav(b"\x20\x00" * 4_000), continues=session_id)
    await installed.work(session_id)
    known = having(await drafts.show(ACTOR, session_id, records=records))
    await amendments.restore(ACTOR, session_id, 1, "", replaces=known, records=records)
    found = await drafts.show(ACTOR, session_id, records=records)
    restored = await installed.version(1, session_id)
    assert (found.draft.base_version, found.version_in_force) == (2, 2)
    assert texts_of(found) == [each.text for each in restored.utterances]
    await review.submit_edit(ACTOR, session_id, None, records=records)
    assert (await installed.version(3, session_id)).parent == 2


async def test_a_draft_of_a_recording_that_was_continued_stays_and_is_not_submitted_as_it_is():
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    records = installed.records
    begin = sent(await installed.version(1, session_id), _0="Did you sleep?")
    await drafts.save(ACTOR, session_id, begin, NEW, records=records)
    more = a_wav(b"\x20\x00" * 4_000)
    await upload(installed.intake, more, continues=session_id)
    waiting = await drafts.show(ACTOR, session_id, records=records)
    assert texts_of(waiting)[0] == "Did you sleep?"
    await installed.work(session_id)
    with pytest.raises(VersionChanged):
        await review.submit_edit(ACTOR, session_id, None, records=records)
    found = await drafts.show(ACTOR, session_id, records=records)
    assert (found.draft.base_version, found.version_in_force) == (1, 2)
    assert texts_of(found)[0] == "Did you sleep?"
    taken_over = sent(await installed.version(2, session_id), _0="Did you sleep?")
    await drafts.save(ACTOR, session_id, taken_over, having(found), records=records)
    await review.submit_edit(ACTOR, session_id, None, records=records)
    version = await installed.version(3, session_id)
    assert version.parent == 2
    assert [each.text for each in version.utterances] == [each.text for each in taken_over.lines]
