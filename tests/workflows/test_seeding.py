"""Seeding and enrolment on the real local stores: what they write is found as the real thing is."""

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.builders import a_person, a_practice
from therapy.adapters.memory.people import MemoryPeople
from therapy.config import read_settings
from therapy.domain.access import Actor
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound
from therapy.domain.people import Person, Practice, Role
from therapy.domain.session import State
from therapy.domain.session_status import SessionStatus
from therapy.domain.transcript import Speaker
from therapy.entrypoints.cli.seed import read_seed
from therapy.wiring import open_therapy
from therapy.workflows import accounts, review, session_lists
from therapy.workflows.desk import Desk
from therapy.workflows.seeding import Seed, plant

PASSWORD = "a password to try with"
OLIVIA, ALEX = "olivia.hayes1@example.health", "alex.lebed2@example.health"
JORDAN, JAMIE = "jordan.white1@example.health", "jamie.davis2@example.health"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    settings = read_settings({"THERAPY_DATA_DIR": str(tmp_path / "data")})
    async with open_therapy(settings) as opened:
        yield opened.desk


@pytest.fixture
def seed() -> Seed:
    return read_seed(None)


async def planted(seed: Seed, desk: Desk) -> int:
    return (await plant(seed, password=PASSWORD, renew=False, desk=desk)).new_sessions


async def signed_in(email: str, desk: Desk) -> Actor:
    person = await desk.people.by_email(email)
    return Actor(person.id, person.role, person.practice_id, "sid")


async def test_the_demo_practice_has_its_people_marked_as_demo(seed: Seed, desk: Desk) -> None:
    await planted(seed, desk)
    for email in (OLIVIA, ALEX, JORDAN, JAMIE):
        person = await desk.people.by_email(email)
        assert person.demo
        assert (len(person.number) == 9) == (person.role is Role.PATIENT)
        assert await desk.passwords.verify(PASSWORD, person.password_hash)
    assert await accounts.real_people(desk=desk) == 0


async def test_sessions_are_in_lists_searches_and_inboxes(seed: Seed, desk: Desk) -> None:
    await planted(seed, desk)
    olivia, alex = await signed_in(OLIVIA, desk), await signed_in(ALEX, desk)
    jordan, jamie = await signed_in(JORDAN, desk), await signed_in(JAMIE, desk)
    assert len(await session_lists.closed_sessions(olivia, desk=desk)) == 3
    assert len(await session_lists.closed_sessions(jordan, desk=desk)) == 2
    assert len(await session_lists.closed_sessions(jamie, desk=desk)) == 2
    assert len(await session_lists.inbox(olivia, {SessionStatus.AWAITING_REVIEW}, desk=desk)) == 2
    assert len(await session_lists.inbox(alex, {SessionStatus.AWAITING_REVIEW}, desk=desk)) == 1
    assert len(await session_lists.search(olivia, "diary", desk=desk)) == 2
    (hebrew,) = await session_lists.search(alex, "התגעגע", desk=desk)
    found = await session_lists.closed_session(alex, hebrew.session_id, desk=desk)
    assert found.transcript.sentiment_gap == "he-IL"


async def test_only_the_patients_lines_have_scores_and_a_session_has_its_own(
    seed: Seed, desk: Desk
) -> None:
    await planted(seed, desk)
    olivia = await signed_in(OLIVIA, desk)
    for entry in await session_lists.closed_sessions(olivia, desk=desk):
        closed = await session_lists.closed_session(olivia, entry.session_id, desk=desk)
        scores = closed.session.scores
        assert scores is not None
        assert abs(scores.positive + scores.neutral + scores.negative - 1) <= 0.001
        for each in closed.transcript.utterances:
            assert (each.scores is not None) == (each.speaker is Speaker.PATIENT)


async def test_each_session_has_a_recording_as_long_as_it_is(seed: Seed, desk: Desk) -> None:
    await planted(seed, desk)
    olivia = await signed_in(OLIVIA, desk)
    (entry, *_) = await session_lists.closed_sessions(olivia, desk=desk)
    session = await desk.sessions.load(olivia.practice_id, entry.session_id)
    version = await desk.sessions.transcript(olivia.practice_id, entry.session_id, 1)
    size = session.recording.size
    content = await desk.recordings.read(olivia.practice_id, session.recording.key, 0, size)
    assert len(content) == size
    with wave.open(io.BytesIO(content)) as wav:
        assert abs(wav.getnframes() / wav.getframerate() * 1000 - version.duration_ms) < 50
        assert any(wav.readframes(wav.getnframes()))


async def test_a_pending_session_is_reviewed_and_cancelled_like_any_other(
    seed: Seed, desk: Desk
) -> None:
    await planted(seed, desk)
    olivia = await signed_in(OLIVIA, desk)
    (entry, *_) = await session_lists.inbox(olivia, {SessionStatus.AWAITING_REVIEW}, desk=desk)
    _, version = await review.for_review(olivia, entry.session_id, desk=desk)
    assert version.utterances
    await review.cancel(olivia, entry.session_id, desk=desk)
    cancelled = await desk.sessions.load(olivia.practice_id, entry.session_id)
    assert cancelled.state is State.ERASED


async def test_seeding_again_adds_nothing_and_what_was_removed_stays_so(
    seed: Seed, desk: Desk
) -> None:
    assert await planted(seed, desk) == len(seed.sessions)
    olivia = await signed_in(OLIVIA, desk)
    (entry, *_) = await session_lists.inbox(olivia, {SessionStatus.AWAITING_REVIEW}, desk=desk)
    await review.cancel(olivia, entry.session_id, desk=desk)
    assert await planted(seed, desk) == 0


async def test_a_seed_that_is_wrong_names_the_field_and_writes_nothing(
    seed: Seed, desk: Desk
) -> None:
    session = seed.sessions[0]
    wrong = {
        "sessions[0].therapist": replace(session, therapist="nobody@example.health"),
        "sessions[0].patient_name": replace(session, patient="200000099"),
        "sessions[0].lines": replace(session, lines=()),
    }
    for field, changed in wrong.items():
        with pytest.raises(InvalidInput) as told:
            await planted(replace(seed, sessions=(changed,)), desk)
        assert told.value.field == field
    assert await accounts.practices(desk=desk) == ()


async def test_a_real_account_is_never_taken_for_a_demo_one(seed: Seed, desk: Desk) -> None:
    await enrolled(desk, email=OLIVIA)
    with pytest.raises(AlreadyExists):
        await planted(seed, desk)
    assert not (await desk.people.by_email(OLIVIA)).demo


async def enrolled(desk: Desk, practice: str = "", **changes: str) -> Person:
    joined = await accounts.practice_to_join(practice, "en", desk=desk)
    given = {"email": "dana@example.health", "full_name": "Dana Levi", "password": PASSWORD}
    return await accounts.enrol(joined, Role.THERAPIST, **given | changes, desk=desk)


async def test_the_only_practice_is_joined_without_its_name(desk: Desk) -> None:
    first = await enrolled(desk, "River Practice")
    second = await enrolled(desk, email="other@example.health")
    third = await enrolled(desk, "river practice", email="third@example.health")
    assert {first.practice_id, second.practice_id, third.practice_id} == {first.practice_id}


async def test_of_several_practices_one_must_be_named(desk: Desk) -> None:
    await enrolled(desk, "River Practice")
    await enrolled(desk, "Lake Practice", email="other@example.health")
    with pytest.raises(InvalidInput):
        await enrolled(desk, email="third@example.health")


async def test_nobody_joins_the_demo_practice_without_naming_it(seed: Seed, desk: Desk) -> None:
    await planted(seed, desk)
    demo = await desk.people.by_email(OLIVIA)
    assert (await enrolled(desk)).practice_id != demo.practice_id
    named = await enrolled(desk, seed.practice, email="other@example.health")
    assert named.practice_id == demo.practice_id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"full_name": "  "}, "name"),
        ({"full_name": "x" * 201}, "name"),
        ({"password": "short"}, "password"),
        ({"number": "300000015"}, "number"),
    ],
)
async def test_what_is_wrong_with_an_account_is_named(
    changes: dict[str, str], field: str, desk: Desk
) -> None:
    with pytest.raises(InvalidInput) as told:
        await enrolled(desk, **changes)
    assert told.value.field == field
    with pytest.raises(NotFound):
        await desk.people.by_email("dana@example.health")


async def test_every_account_is_counted_and_listed_however_many_there_are() -> None:
    people = MemoryPeople()
    practice = a_practice()
    await people.put_practice(practice.id, practice)
    for number in range(501):
        person = a_person(
            id=f"p{number}",
            email=f"p{number}@example.health",
            number=f"{number:09}",
            demo=number < 500,
        )
        await people.add(practice.id, person)
    desk = Listing(people)
    assert len([each async for each in accounts.everybody(practice, desk=desk)]) == 501
    assert await accounts.real_people(desk=desk) == 1


class Listing:
    """As much of a desk as listing people takes."""

    def __init__(self, people: MemoryPeople) -> None:
        self.people = people


async def test_practices_are_listed_in_order_of_their_ids_by_every_store(desk: Desk) -> None:
    for people in (desk.people, MemoryPeople()):
        for practice_id in ("b", "a", "c"):
            await people.put_practice(practice_id, Practice(practice_id, practice_id.upper()))
        assert [each.id for each in await people.practices()] == ["a", "b", "c"]
