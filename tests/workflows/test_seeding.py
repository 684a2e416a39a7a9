"""Seeding and added accounts on the real local stores: what they write is found as the real thing is."""

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from therapy.config import read_settings
from therapy.domain.access import Actor
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, NotSignedIn
from therapy.domain.people import PatientSees, Person, Practice, Role
from therapy.domain.session import State
from therapy.domain.session_entry import SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.domain.transcript import Speaker
from therapy.entrypoints.cli.demo_practice import read_seed
from therapy.wiring import open_therapy
from therapy.workflows import accounts, authentication, review, session_lists
from therapy.workflows.authentication import SignedIn
from therapy.workflows.installation import Installation
from therapy.workflows.practice_settings import change_practice
from therapy.workflows.seeding import Seed, plant

PASSWORD = "a password to try with"
OLIVIA, ALEX = "olivia.hayes1@example.health", "alex.lebed2@example.health"
JORDAN, JAMIE = "jordan.white1@example.health", "jamie.davis2@example.health"


@pytest.fixture
async def installed(tmp_path: Path) -> AsyncIterator[Installation]:
    settings = read_settings({"THERAPY_DATA_DIR": str(tmp_path / "data")})
    async with open_therapy(settings) as opened:
        yield opened.installation


@pytest.fixture
def seed() -> Seed:
    return read_seed(None)


async def planted(
    seed: Seed, installed: Installation, *, renew: bool = False, password: str = PASSWORD
) -> int:
    seeded = await plant(
        seed,
        password=password,
        renew=renew,
        records=installed.records,
        recordings=installed.recordings,
        passwords=installed.sign_in.passwords,
        sentiment=installed.engines.sentiment,
    )
    return seeded.new_sessions


async def signed_in(email: str, installed: Installation) -> Actor:
    person = await installed.records.people.by_email(email)
    return Actor(person.id, person.role, person.practice_id, "sid")


async def listed(actor: Actor, installed: Installation) -> tuple[SessionEntry, ...]:
    return await session_lists.closed_sessions(
        actor, records=installed.records, session_index=installed.session_index
    )


async def in_review(actor: Actor, installed: Installation) -> tuple[SessionEntry, ...]:
    return await session_lists.inbox(
        actor, {SessionStatus.AWAITING_REVIEW}, session_index=installed.session_index
    )


async def found(actor: Actor, query: str, installed: Installation) -> tuple[SessionEntry, ...]:
    return await session_lists.search(
        actor, query, session_index=installed.session_index, searches=installed.searches
    )


async def test_the_demo_practice_has_its_people_marked_as_demo(
    seed: Seed, installed: Installation
) -> None:
    await planted(seed, installed)
    for email in (OLIVIA, ALEX, JORDAN, JAMIE):
        person = await installed.records.people.by_email(email)
        assert person.demo
        assert (len(person.number) == 9) == (person.role is Role.PATIENT)
        assert await installed.sign_in.passwords.verify(PASSWORD, person.password_hash)
    assert await accounts.real_people(records=installed.records) == 0


async def test_sessions_are_in_lists_searches_and_inboxes(
    seed: Seed, installed: Installation
) -> None:
    await planted(seed, installed)
    olivia, alex = await signed_in(OLIVIA, installed), await signed_in(ALEX, installed)
    jordan, jamie = await signed_in(JORDAN, installed), await signed_in(JAMIE, installed)
    assert len(await listed(olivia, installed)) == 3
    assert len(await listed(jordan, installed)) == 2
    assert len(await listed(jamie, installed)) == 2
    assert len(await in_review(olivia, installed)) == 2
    assert len(await in_review(alex, installed)) == 1
    assert len(await found(olivia, "diary", installed)) == 2
    (hebrew,) = await found(alex, "התגעגע", installed)
    closed = await session_lists.closed_session(alex, hebrew.session_id, records=installed.records)
    assert closed.transcript.sentiment_gap == ""


async def test_only_the_patients_lines_have_scores_and_a_session_has_its_own(
    seed: Seed, installed: Installation
) -> None:
    await planted(seed, installed)
    olivia = await signed_in(OLIVIA, installed)
    for entry in await listed(olivia, installed):
        closed = await session_lists.closed_session(
            olivia, entry.session_id, records=installed.records
        )
        scores = closed.session.scores
        assert scores is not None
        assert abs(scores.positive + scores.neutral + scores.negative - 1) <= 0.001
        for each in closed.transcript.utterances:
            assert (each.scores is not None) == (each.speaker is Speaker.PATIENT)


async def test_each_session_has_a_recording_as_long_as_it_is(
    seed: Seed, installed: Installation
) -> None:
    await planted(seed, installed)
    olivia = await signed_in(OLIVIA, installed)
    (entry, *_) = await listed(olivia, installed)
    session = await installed.records.sessions.load(olivia.practice_id, entry.session_id)
    version = await installed.records.transcripts.load(olivia.practice_id, entry.session_id, 1)
    size = session.recording.size
    content = await installed.recordings.read(olivia.practice_id, session.recording.key, 0, size)
    assert len(content) == size
    with wave.open(io.BytesIO(content)) as wav:
        assert abs(wav.getnframes() / wav.getframerate() * 1000 - version.duration_ms) < 50
        assert any(wav.readframes(wav.getnframes()))


async def test_a_session_that_awaits_review_is_reviewed_and_cancelled_like_any_other(
    seed: Seed, installed: Installation
) -> None:
    await planted(seed, installed)
    olivia = await signed_in(OLIVIA, installed)
    (entry, *_) = await in_review(olivia, installed)
    _, version = await review.for_review(olivia, entry.session_id, records=installed.records)
    assert version.utterances
    await review.cancel(olivia, entry.session_id, records=installed.records)
    cancelled = await installed.records.sessions.load(olivia.practice_id, entry.session_id)
    assert cancelled.state is State.ERASED


async def test_seeding_again_adds_nothing_and_what_was_removed_stays_so(
    seed: Seed, installed: Installation
) -> None:
    assert await planted(seed, installed) == len(seed.sessions)
    olivia = await signed_in(OLIVIA, installed)
    (entry, *_) = await in_review(olivia, installed)
    await review.cancel(olivia, entry.session_id, records=installed.records)
    assert await planted(seed, installed) == 0


async def test_sessions_have_the_ids_of_before_so_that_an_upgrade_adds_none_twice(
    seed: Seed, installed: Installation
) -> None:
    await planted(seed, installed)
    olivia = await signed_in(OLIVIA, installed)
    closed = {each.session_id for each in await listed(olivia, installed)}
    waiting = {each.session_id for each in await in_review(olivia, installed)}
    assert "3d1ef7d0d44b10e3e425957a3a21d737" in closed
    assert "25ee5f74ac7f03b2347b076bc780212c" in waiting


async def test_a_seed_that_is_wrong_names_the_field_and_writes_nothing(
    seed: Seed, installed: Installation
) -> None:
    session = seed.sessions[0]
    wrong = {
        "sessions[0].therapist": replace(session, therapist="nobody@example.health"),
        "sessions[0].patient_name": replace(session, patient="200000099"),
        "sessions[0].lines": replace(session, lines=()),
    }
    for field, changed in wrong.items():
        with pytest.raises(InvalidInput) as told:
            await planted(replace(seed, sessions=(changed,)), installed)
        assert told.value.field == field
    assert await installed.records.practices.all() == ()


async def test_a_real_account_is_never_taken_for_a_demo_one(
    seed: Seed, installed: Installation
) -> None:
    await added_account(installed, email=OLIVIA)
    with pytest.raises(AlreadyExists):
        await planted(seed, installed)
    assert not (await installed.records.people.by_email(OLIVIA)).demo


async def added_account(installed: Installation, practice: str = "", **changes: str) -> Person:
    joined = await accounts.practice_to_join(practice, "en", records=installed.records)
    given = {"email": "dana@example.health", "full_name": "Dana Levi", "password": PASSWORD}
    return await accounts.add_account(
        joined,
        Role.THERAPIST,
        **given | changes,
        records=installed.records,
        passwords=installed.sign_in.passwords,
    )


async def test_the_only_practice_is_joined_without_its_name(installed: Installation) -> None:
    first = await added_account(installed, "River Practice")
    second = await added_account(installed, email="other@example.health")
    third = await added_account(installed, "river practice", email="third@example.health")
    assert {first.practice_id, second.practice_id, third.practice_id} == {first.practice_id}


async def test_of_several_practices_one_must_be_named(installed: Installation) -> None:
    await added_account(installed, "River Practice")
    await added_account(installed, "Lake Practice", email="other@example.health")
    with pytest.raises(InvalidInput):
        await added_account(installed, email="third@example.health")


async def test_nobody_joins_the_demo_practice_without_naming_it(
    seed: Seed, installed: Installation
) -> None:
    await planted(seed, installed)
    demo = await installed.records.people.by_email(OLIVIA)
    assert (await added_account(installed)).practice_id != demo.practice_id
    named = await added_account(installed, seed.practice, email="other@example.health")
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
    changes: dict[str, str], field: str, installed: Installation
) -> None:
    with pytest.raises(InvalidInput) as told:
        await added_account(installed, **changes)
    assert told.value.field == field
    with pytest.raises(NotFound):
        await installed.records.people.by_email("dana@example.health")


async def test_seeding_again_renews_a_password_only_if_it_is_asked_to(
    seed: Seed, installed: Installation
) -> None:
    """A new password ends what the old one let in; one that is the same ends nothing."""
    seed = replace(seed, people=seed.people[:1], sessions=())
    await planted(seed, installed)
    login = await logged_in(installed, PASSWORD)
    await planted(seed, installed, password="another one to try with")
    await planted(seed, installed, renew=True)
    assert await refreshed(installed, login)
    await planted(seed, installed, renew=True, password="another one to try with")
    with pytest.raises(NotSignedIn):
        await refreshed(installed, login)
    assert await logged_in(installed, "another one to try with")


async def logged_in(installed: Installation, password: str) -> SignedIn:
    return await authentication.log_in(
        OLIVIA, password, records=installed.records, sign_in=installed.sign_in
    )


async def refreshed(installed: Installation, login: SignedIn) -> SignedIn:
    return await authentication.refresh(
        login.refresh_token, records=installed.records, sign_in=installed.sign_in
    )


async def test_what_was_set_for_the_practice_stays_when_it_is_seeded_again(
    installed: Installation, seed: Seed
) -> None:
    await planted(seed, installed)
    (practice,) = await installed.records.practices.all()
    set_to = {"patient_sees": PatientSees.NOTHING, "name": "Of the River", "language": "he"}
    changed = await change_practice(practice.id, **set_to, records=installed.records)
    await planted(seed, installed)
    assert await installed.records.practices.load(practice.id) == changed
    assert await installed.records.practices.all() == (changed,)


async def test_practices_are_listed_in_order_of_their_ids(installed: Installation) -> None:
    for practice_id in ("b", "a", "c"):
        practice = Practice(practice_id, practice_id.upper())
        await accounts.put_practice(practice, records=installed.records)
    assert [each.id for each in await installed.records.practices.all()] == ["a", "b", "c"]
