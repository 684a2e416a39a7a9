"""Seeding: a practice to try things with, with invented people and sessions, written like real ones.

Every id is derived from the seed, so seeding again adds only what is missing.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from itertools import pairwise

from msgspec import Struct, field
from msgspec.structs import replace

from therapy.domain.credentials import current_hash
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound
from therapy.domain.media import WAV
from therapy.domain.media_headers import wav_header
from therapy.domain.outbox import SessionEntryChanged
from therapy.domain.people import Person, Practice, Role, check_email, check_number, check_password
from therapy.domain.scoring import session_scores
from therapy.domain.session import (
    Details,
    Event,
    Recording,
    Session,
    SessionPatient,
    TimedNote,
    apply,
    linked,
    title_of,
)
from therapy.domain.transcript import Source, Speaker, TranscriptVersion, Utterance, parse_timestamp
from therapy.domain.upload import BLOCK_SIZE, block_hash, content_hash
from therapy.ports.passwords import Passwords
from therapy.ports.recordings import Recordings
from therapy.ports.sentiment import Sentiment
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.accounts import add_person, written_practice
from therapy.workflows.new_passwords import set_password
from therapy.workflows.recognition import scored

ENGINE = "invented"
MS_PER_WORD = 380
PAUSE_MS = 600

HUM_RATE = 8_000
HUMS = {Speaker.THERAPIST: 40, Speaker.PATIENT: 25, Speaker.UNKNOWN: 32}
"""Samples in one period of the soft tone that stands for a voice."""

LOUDNESS = 2_000


class SeedState(Enum):
    """The state of a seeded session: awaiting review, or closed.

    Files of before 2026-11-27 call these `pending` and `finalized`, which are read as well.
    """

    AWAITING_REVIEW = "awaiting_review"
    CLOSED = "closed"

    @classmethod
    def _missing_(cls, value: object) -> "SeedState | None":
        return next((state for state, name in FORMER_NAMES.items() if name == value), None)


FORMER_NAMES = {SeedState.AWAITING_REVIEW: "pending", SeedState.CLOSED: "finalized"}
"""They are also in the ids of seeded sessions, which must not be added once more."""


class SeedPerson(Struct, frozen=True, forbid_unknown_fields=True):
    """An account; `number` is for patients only."""

    role: Role
    email: str
    full_name: str
    number: str = ""
    date_of_birth: date | None = None


class SeedLine(Struct, frozen=True, forbid_unknown_fields=True):
    """One utterance; its times follow from the number of its words."""

    speaker: Speaker
    text: str


class SeedSession(Struct, frozen=True, forbid_unknown_fields=True):
    """A session of the therapist with this e-mail and the patient with this number.

    `patient_name` is for a patient without an account. The day is `date`, or `days_ago`.
    """

    therapist: str
    patient: str
    lines: tuple[SeedLine, ...]
    state: SeedState = SeedState.CLOSED
    patient_name: str = ""
    day: date | None = field(name="date", default=None)
    days_ago: int = 0
    language: str = "en-US"
    summary: str = ""
    general_notes: tuple[str, ...] = ()
    timed_notes: tuple[TimedNote, ...] = ()


class Seed(Struct, frozen=True, forbid_unknown_fields=True):
    """A practice with its people and sessions; `language` is "en" or "he"."""

    practice: str
    people: tuple[SeedPerson, ...]
    sessions: tuple[SeedSession, ...] = ()
    language: str = "en"


class Seeded(Struct, frozen=True):
    """The result of seeding: the accounts, and how many of them and of the sessions are new."""

    practice: Practice
    people: tuple[Person, ...]
    new_people: int
    new_sessions: int


async def plant(
    seed: Seed,
    *,
    password: str,
    renew: bool,
    records: Records,
    recordings: Recordings,
    passwords: Passwords,
    sentiment: Sentiment,
) -> Seeded:
    """Write whatever of the seed is missing.

    New accounts get `password`; with `renew`, existing ones get it too.

    Raises:
        InvalidInput: a field of the seed is wrong; names it.
        AlreadyExists: an e-mail or number of the seed belongs to a real person.
    """
    _check(seed, password, is_common=await passwords.is_common(password))
    planned = Practice(_id("practice", seed.practice), seed.practice, seed.language)
    practice = await written_practice(planned, records=records)
    people, new_people = [], 0
    for each in seed.people:
        person, new = await _person(
            practice, each, password, renew=renew, records=records, passwords=passwords
        )
        people.append(person)
        new_people += new
    new_sessions = 0
    for session in seed.sessions:
        new_sessions += await _session(
            practice,
            people,
            session,
            records=records,
            recordings=recordings,
            sentiment=sentiment,
        )
    return Seeded(practice, tuple(people), new_people, new_sessions)


def _check(seed: Seed, password: str, *, is_common: bool) -> None:
    """Check everything before anything is written."""
    therapists = {each.email for each in seed.people if each.role is Role.THERAPIST}
    named = {each.number for each in seed.people}
    for each in seed.people:
        address = check_email(each.email)
        check_password(password, email=address, is_common=is_common, field="password")
        if each.role is Role.PATIENT:
            check_number(each.number)
    for index, session in enumerate(seed.sessions):
        place = f"sessions[{index}]"
        if session.therapist not in therapists:
            raise InvalidInput(f"{place}.therapist")
        if check_number(session.patient) not in named and not session.patient_name.strip():
            raise InvalidInput(f"{place}.patient_name", "required")
        if not session.lines:
            raise InvalidInput(f"{place}.lines", "required")
        for note in session.timed_notes:
            parse_timestamp(note.timestamp, field=f"{place}.timed_notes")


async def _person(
    practice: Practice,
    seed_person: SeedPerson,
    password: str,
    *,
    renew: bool,
    records: Records,
    passwords: Passwords,
) -> tuple[Person, bool]:
    try:
        known = await records.people.by_email(seed_person.email)
    except NotFound:
        person = Person(
            id=_id("person", practice.id, seed_person.email.casefold()),
            practice_id=practice.id,
            role=seed_person.role,
            email=seed_person.email,
            full_name=seed_person.full_name,
            password_hash=await passwords.hash(password),
            created_at=records.now(),
            number=seed_person.number if seed_person.role is Role.PATIENT else "",
            date_of_birth=seed_person.date_of_birth,
            demo=True,
        )
        return await add_person(person, records=records), True
    if not known.demo or known.practice_id != practice.id:
        raise AlreadyExists("email_taken")
    credentials = await records.credentials.load(known.practice_id, known.id)
    if renew and not await passwords.verify(password, current_hash(known, credentials)):
        await set_password(known, await passwords.hash(password), records=records)
    return known, False


async def _session(
    practice: Practice,
    people: Iterable[Person],
    seed_session: SeedSession,
    *,
    records: Records,
    recordings: Recordings,
    sentiment: Sentiment,
) -> bool:
    by_email = {each.email: each for each in people}
    accounts = {each.number: each for each in by_email.values() if each.role is Role.PATIENT}
    therapist, account = by_email[seed_session.therapist], accounts.get(seed_session.patient)
    session_id = _id(
        *(
            "session",
            practice.id,
            seed_session.therapist,
            seed_session.patient,
            FORMER_NAMES[seed_session.state],
        ),
        *(line.text for line in seed_session.lines),
    )
    try:
        await records.sessions.load(practice.id, session_id)
    except NotFound:
        pass
    else:
        return False
    day = seed_session.day or (records.now() - timedelta(days=seed_session.days_ago)).date()
    moment = min(records.now(), datetime.combine(day, time(10), UTC))
    version = await scored(
        practice.id,
        _version(session_id, seed_session, moment),
        sentiment=sentiment,
        optional=True,
    )
    patient = SessionPatient(
        number=seed_session.patient,
        name=seed_session.patient_name or (account.full_name if account else ""),
        email=account.email if account else "",
        date_of_birth=account.date_of_birth if account else None,
    )
    details = Details(
        linked(patient, account),
        day,
        seed_session.summary,
        seed_session.timed_notes,
        seed_session.general_notes,
    )
    session = Session(
        id=session_id,
        practice_id=practice.id,
        therapist_id=therapist.id,
        therapist_name=therapist.full_name,
        therapist_email=therapist.email,
        details=details,
        recording=await _record(practice.id, session_id, version, recordings=recordings),
        created_at=moment,
        languages=(seed_session.language,),
        title=title_of(day, practice.language),
        transcript_number=version.number,
        demo=True,
    )
    session = apply(session, Event.TRANSCRIPT_WRITTEN)
    if seed_session.state is SeedState.CLOSED:
        session = replace(
            apply(apply(session, Event.SUBMITTED), Event.SCORED),
            scores=session_scores(version),
            closed_at=moment,
        )
    change = Change(records.sessions.write(session))
    change.add(*await records.transcripts.new(practice.id, version))
    await records.commit(practice.id, change, SessionEntryChanged(session_id))
    return True


def _version(session_id: str, seed_session: SeedSession, moment: datetime) -> TranscriptVersion:
    utterances, at = [], PAUSE_MS
    for line in seed_session.lines:
        end = at + MS_PER_WORD * max(1, len(line.text.split()))
        voice = {Speaker.THERAPIST: "0", Speaker.PATIENT: "1", Speaker.UNKNOWN: "2"}[line.speaker]
        utterances.append(Utterance(at, end, line.text, line.speaker, voice))
        at = end + PAUSE_MS
    return TranscriptVersion(
        session_id=session_id,
        number=1,
        parent=0,
        source=Source.MACHINE,
        at=moment,
        utterances=tuple(utterances),
        engine=ENGINE,
        language=seed_session.language,
        duration_ms=at,
        role_confidence=1.0,
        role_reasons=("the voices are named in the seed",),
    )


async def _record(
    practice_id: str, session_id: str, version: TranscriptVersion, *, recordings: Recordings
) -> Recording:
    """Keep a recording in which each voice is a soft tone, as long as the session."""
    wav = b"".join(_hummed(version))
    blocks = [wav[at : at + BLOCK_SIZE] for at in range(0, len(wav), BLOCK_SIZE)]
    for number, block in enumerate(blocks):
        await recordings.stage(practice_id, session_id, number, block)
    await recordings.keep(practice_id, session_id, len(blocks), session_id)
    hashed = content_hash(map(block_hash, blocks))
    return Recording(session_id, len(wav), hashed, WAV, "invented.wav")


def _hummed(version: TranscriptVersion) -> Iterator[bytes]:
    edges = [Utterance(0, 0, ""), *version.utterances]
    samples = b"".join(
        _silence(each.start_ms - before.end_ms) + _tone(each) for before, each in pairwise(edges)
    )
    samples += _silence(version.duration_ms - version.utterances[-1].end_ms)
    yield wav_header(len(samples), HUM_RATE)
    yield samples


def _silence(ms: int) -> bytes:
    return bytes(2 * (HUM_RATE * ms // 1000))


def _tone(utterance: Utterance) -> bytes:
    steps = HUMS[utterance.speaker]
    wave = [round(LOUDNESS * math.sin(2 * math.pi * step / steps)) for step in range(steps)]
    period = b"".join(each.to_bytes(2, "little", signed=True) for each in wave)
    length = 2 * (HUM_RATE * (utterance.end_ms - utterance.start_ms) // 1000)
    return (period * (length // len(period) + 1))[:length]


def _id(*parts: str) -> str:
    return hashlib.sha256("\0".join(("seed", *parts)).encode()).hexdigest()[:32]
