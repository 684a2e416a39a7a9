"""What a therapist does with a session: how little is read for it, where long work is done, who may."""

import threading
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from tests.builders import OTHER_PRACTICE, PATIENT, PRACTICE, SESSION, an_actor
from tests.repositories.changes import headers_of
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    MemoryInstallation,
    an_installation,
    begun,
    reviewed,
)
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.domain.errors import InvalidInput, NotFound, WrongState
from therapy.domain.people import Role
from therapy.domain.session import State
from therapy.domain.transcript import Line, Speaker
from therapy.workflows import patient_links, review


async def in_review() -> MemoryInstallation:
    installed = await an_installation()
    await begun(installed)
    await installed.work()
    return installed


async def test_a_session_of_nobody_is_not_there():
    installed = await an_installation()
    with pytest.raises(NotFound):
        await review.look(ACTOR, "nowhere", records=installed.records)


@pytest.mark.parametrize(
    "stranger",
    [
        an_actor(person_id="another-therapist"),
        an_actor(person_id=PATIENT, role=Role.PATIENT),
        an_actor(practice_id=OTHER_PRACTICE),
    ],
    ids=["another therapist", "its patient", "another practice"],
)
async def test_a_session_is_its_therapists_alone(stranger):
    installed = await in_review()
    records = installed.records
    waiting_list = installed.installation.waiting_list
    retry = partial(review.retry, waiting_list=waiting_list)
    for ask in (review.look, review.own_session, review.for_review, review.cancel, retry):
        with pytest.raises(NotFound):
            await ask(stranger, SESSION, records=records)
    with pytest.raises(NotFound):
        await review.submit(stranger, SESSION, [], records=records)


async def test_who_may_play_a_recording_is_known_from_the_session_alone():
    """Each Range request of a player asks this: it reads no transcript, no runs and no account."""
    installed = await in_review()
    installed.store.forget_reads()
    session = await review.own_session(ACTOR, SESSION, records=installed.records)
    assert session.recording.key == "recording-1"
    assert installed.store.gets == [(IN_SESSION, ("session",))]
    assert installed.store.lists == []


class LinkedRecordings(MemoryRecordings):
    """Makes links that a player can follow."""

    async def playback_link(self, practice_id, key, lifetime, media_type):
        return f"https://recordings.example/{practice_id}/{key}?for={lifetime.total_seconds():.0f}"


async def test_a_link_that_plays_a_recording_is_made_from_the_session_alone():
    installed = await in_review()
    installed.store.forget_reads()
    link, ends = await review.recording_link(
        ACTOR, SESSION, records=installed.records, recordings=LinkedRecordings()
    )
    assert link == f"https://recordings.example/{PRACTICE}/recording-1?for=600"
    assert ends == installed.clock.now + review.LINK_LIFETIME
    assert installed.store.gets == [(IN_SESSION, ("session",))]


async def test_recordings_that_make_no_links_say_so():
    installed = await in_review()
    with pytest.raises(NotFound, match="not_offered"):
        await review.recording_link(
            ACTOR, SESSION, records=installed.records, recordings=installed.recordings
        )


class Lines(Sequence[Line]):
    """Remembers the threads that looked at its lines."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self.threads: set[int] = set()

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, place):
        self.threads.add(threading.get_ident())
        return self._lines[place]

    def __iter__(self) -> Iterator[Line]:
        self.threads.add(threading.get_ident())
        return iter(self._lines)


async def test_a_long_review_is_worked_out_beside_the_event_loop():
    installed = await in_review()
    lines = Lines(await reviewed(installed))
    await review.submit(ACTOR, SESSION, lines, records=installed.records)
    assert lines.threads
    assert threading.get_ident() not in lines.threads


async def test_a_review_that_is_sent_again_is_compared_beside_the_event_loop():
    installed = await in_review()
    lines = await reviewed(installed)
    await review.submit(ACTOR, SESSION, lines, records=installed.records)
    again = Lines(lines)
    await review.submit(ACTOR, SESSION, again, records=installed.records)
    assert again.threads
    assert threading.get_ident() not in again.threads
    assert (await installed.session()).transcript_number == 2


async def test_other_lines_after_a_session_was_submitted_are_refused():
    installed = await in_review()
    lines = await reviewed(installed)
    await review.submit(ACTOR, SESSION, lines, records=installed.records)
    other = [Line(Speaker.PATIENT, "Something else.", "00:00"), *lines[1:]]
    with pytest.raises(WrongState, match="not_awaiting_review"):
        await review.submit(ACTOR, SESSION, other, records=installed.records)


async def test_a_version_written_at_the_moment_of_a_review_makes_the_review_begin_anew():
    installed = await in_review()
    lines, raced = await reviewed(installed), []

    async def link_first(partition: str, _: Sequence[object]) -> None:
        if partition == IN_SESSION and not raced:
            raced.append(True)
            await patient_links.link_patient(ACTOR, SESSION, "203948571", records=installed.records)

    installed.store.before_commit = link_first
    await review.submit(ACTOR, SESSION, lines, records=installed.records)
    session = await installed.session()
    assert (session.state, session.transcript_number) == (State.CLOSING, 2)
    assert session.details.patient.person_id == PATIENT
    assert sorted(run.kind.value for run in await installed.runs()) == [
        "insights",
        "score",
        "transcribe",
    ]


async def test_what_is_submitted_has_a_header_of_its_own_and_leaves_the_words_before_it():
    installed = await in_review()
    lines = await reviewed(installed)
    corrected = [Line(lines[0].speaker, "How did you sleep, then?", lines[0].timestamp), *lines[1:]]
    await review.submit(ACTOR, SESSION, corrected, records=installed.records)
    first, second = await headers_of(installed.records, PRACTICE, SESSION)
    assert (first.number, second.number, second.parent) == (1, 2, 1)
    assert (second.author_id, second.lines) == (ACTOR.person_id, len(lines))
    assert (await installed.version(1)).utterances[0].text == "How did you sleep?"
    assert (await installed.version(2)).utterances[0].text == "How did you sleep, then?"


async def test_no_lines_are_refused_where_something_was_said():
    installed = await in_review()
    with pytest.raises(InvalidInput):
        await review.submit(ACTOR, SESSION, [], records=installed.records)
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def test_a_session_that_was_submitted_is_not_cancelled():
    installed = await in_review()
    lines = await reviewed(installed)
    await review.submit(ACTOR, SESSION, lines, records=installed.records)
    with pytest.raises(WrongState, match="too_late_to_change"):
        await review.cancel(ACTOR, SESSION, records=installed.records)
