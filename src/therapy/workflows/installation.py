"""The installation: everything that workflows need, built from one adapter of each port.

The server, the worker, the commands and other projects all begin here; they differ only in the adapters
that they pass in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from therapy.domain.attempts import Quotas
from therapy.domain.person_limits import DEFAULT_LIMITS, PersonLimits
from therapy.domain.run import MOST_CHARGES
from therapy.ports.attempt_limits import AttemptLimits
from therapy.ports.audio import LONGEST_MS
from therapy.ports.doorbell import Doorbell
from therapy.ports.mail import Mail
from therapy.ports.passwords import Passwords
from therapy.ports.people_index import PeopleIndex
from therapy.ports.push import PushSender
from therapy.ports.recordings import Recordings
from therapy.ports.session_events import SessionEvents
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import Store
from therapy.ports.tokens import Tokens
from therapy.repositories.devices import MOST_DEVICES
from therapy.repositories.records import Records
from therapy.workflows.attempts import AttemptCounter
from therapy.workflows.authentication import SignIn
from therapy.workflows.decoding_turns import DecodingTurns
from therapy.workflows.engines import Engines
from therapy.workflows.followed_sessions import POLL, FollowedSessions
from therapy.workflows.idempotency import KEPT_FOR, Idempotency
from therapy.workflows.intake import Intake
from therapy.workflows.login_check import EVERY, LoginCheck
from therapy.workflows.outbox_relay import OutboxRelay
from therapy.workflows.reset_letters import DEFAULT_PACE, LetterPace, ResetLetters
from therapy.workflows.run_worker import CHECKPOINT_MS, RunWorker
from therapy.workflows.searches import Searches
from therapy.workflows.sweep import Sweep
from therapy.workflows.upload_limits import UploadLimits
from therapy.workflows.waiting_list import WaitingList


@dataclass(frozen=True)
class Ports:
    """One adapter of each port, the clock, and the sources of ids and secrets.

    `now` returns an aware datetime, `new_id` a random id of hex digits, `new_secret` an unguessable
    text.
    """

    store: Store
    session_index: SessionIndex
    people_index: PeopleIndex
    recordings: Recordings
    engines: Engines
    doorbell: Doorbell
    session_events: SessionEvents
    push: PushSender
    mail: Mail
    passwords: Passwords
    tokens: Tokens
    attempt_limits: AttemptLimits
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    new_secret: Callable[[], str]


@dataclass(frozen=True)
class Installation:
    """Everything that handlers, the worker and commands pass to workflows."""

    records: Records
    session_index: SessionIndex
    people_index: PeopleIndex
    recordings: Recordings
    engines: Engines
    intake: Intake
    waiting_list: WaitingList
    sign_in: SignIn
    searches: Searches
    login_check: LoginCheck
    followed_sessions: FollowedSessions
    idempotency: Idempotency
    doorbell: Doorbell
    worker: RunWorker
    sweep: Sweep


def install(
    ports: Ports,
    *,
    lease: timedelta = timedelta(seconds=30),
    insights_time: timedelta = timedelta(minutes=15),
    max_upload_bytes: int = 2 * 1024**3,
    languages: tuple[str, ...] = ("he-IL", "en-US"),
    people: int = 0,
    quotas: Quotas | None = None,
    limits: PersonLimits = DEFAULT_LIMITS,
    longest_ms: int = LONGEST_MS,
    login_check: timedelta = EVERY,
    most_devices: int = MOST_DEVICES,
    letter_pace: LetterPace = DEFAULT_PACE,
    paid_tries: int = MOST_CHARGES,
    checkpoint_ms: int = CHECKPOINT_MS,
    key_lifetime: timedelta = KEPT_FOR,
    resumable_for: timedelta = timedelta(days=1),
    events_poll: timedelta = POLL,
    turns: DecodingTurns | None = None,
) -> Installation:
    """Return an installation over these ports.

    `lease` is how long a worker, or a writer with consequences to deliver, keeps others from its work
    without a sign of life; insights may take `insights_time`. `languages` (BCP 47) are recognised if an
    upload names none, and `people` speak if it does not say how many (0 = the engine counts the voices).
    `quotas` say how often in an hour passwords may be wrong and letters be asked for; None: as `Quotas` has
    them. `limits` is how much one person, and everybody together, may have under way. A session's
    recordings may last `longest_ms` together. A login that has ended is refused after `login_check` at the
    latest; a person has at most `most_devices`. `letter_pace` says how long a letter with a token is of use,
    and how often it is tried. A run is tried `paid_tries` times if that costs money; an
    engine that can keeps a checkpoint for each `checkpoint_ms` of audio (0 = none). An answer
    is kept under its idempotency key for `key_lifetime`; a resumable upload may stand still `resumable_for`.
    What people who follow sessions were not told of is looked for every `events_poll`. `turns` are those of
    all processes that share this machine's cores; None: of this one.
    """
    turns = turns or DecodingTurns()
    relay = OutboxRelay(
        records=_records(ports, lease, most_devices),
        doorbell=ports.doorbell,
        session_index=ports.session_index,
        people_index=ports.people_index,
        push=ports.push,
        session_events=ports.session_events,
        recordings=ports.recordings,
        letters=ResetLetters(ports.mail, ports.new_secret, letter_pace),
    )
    records = Records(
        ports.store,
        now=ports.now,
        new_id=ports.new_id,
        claim=lease,
        deliver=relay.deliver_written,
        most_devices=most_devices,
    )
    waiting_list = WaitingList(records, ports.session_index, limits)
    intake = Intake(
        records=records,
        recordings=ports.recordings,
        audio=ports.engines.audio,
        waiting_list=waiting_list,
        limits=UploadLimits(records, limits),
        max_bytes=max_upload_bytes,
        languages=languages,
        people=people,
        longest_ms=longest_ms,
        resumable_for=resumable_for,
        turns=turns,
    )
    return Installation(
        records=records,
        session_index=ports.session_index,
        people_index=ports.people_index,
        recordings=ports.recordings,
        engines=ports.engines,
        intake=intake,
        waiting_list=waiting_list,
        sign_in=SignIn(
            ports.passwords,
            ports.tokens,
            ports.new_secret,
            AttemptCounter(
                ports.attempt_limits, ports.tokens, ports.now, ports.new_id, quotas or Quotas()
            ),
        ),
        searches=Searches(
            most_of_one=limits.searches,
            most_in_all=limits.searches_in_all,
            within=limits.search_time,
        ),
        login_check=LoginCheck(records, login_check),
        followed_sessions=FollowedSessions(
            records, ports.session_index, ports.session_events, limits, events_poll
        ),
        idempotency=Idempotency(records, lease=lease, kept_for=key_lifetime),
        doorbell=ports.doorbell,
        worker=RunWorker(
            records=records,
            recordings=ports.recordings,
            engines=ports.engines,
            languages=languages,
            people=people,
            longest_ms=longest_ms,
            paid_tries=paid_tries,
            checkpoint_ms=checkpoint_ms,
            lease=lease,
            insights_time=insights_time,
            publish=ports.session_events.publish,
            turns=turns,
        ),
        sweep=Sweep(relay, intake),
    )


def _records(ports: Ports, claim: timedelta, most_devices: int) -> Records:
    """Return the relay's records: consequences of its own changes are left to the sweep."""
    return Records(
        ports.store, now=ports.now, new_id=ports.new_id, claim=claim, most_devices=most_devices
    )
