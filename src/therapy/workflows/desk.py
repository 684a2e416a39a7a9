"""The desk that a workflow works at: every port, the clock, ids, and the limits of this installation."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from therapy.ports.audio import AudioDecoder
from therapy.ports.devices import Devices
from therapy.ports.doorbell import Doorbell
from therapy.ports.insights import InsightFinder
from therapy.ports.logins import Logins
from therapy.ports.mail import Mail
from therapy.ports.outbox import Outbox
from therapy.ports.passwords import Passwords
from therapy.ports.people import People
from therapy.ports.push import PushSender
from therapy.ports.recordings import Recordings
from therapy.ports.reservations import Reservations
from therapy.ports.runs import Runs
from therapy.ports.sentiment import Sentiment
from therapy.ports.session_index import SessionIndex
from therapy.ports.sessions import Sessions
from therapy.ports.speech import Speech
from therapy.ports.tokens import Tokens
from therapy.ports.uploads import Uploads


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes and times of one installation; see `config` for their settings."""

    upload_bytes: int = 2 * 1024**3
    upload_expiry: timedelta = timedelta(hours=1)
    lease: timedelta = timedelta(seconds=30)
    run_time: timedelta = timedelta(hours=6)
    follow_up: timedelta = timedelta(seconds=30)
    refresh_lifetime: timedelta = timedelta(days=30)
    refresh_grace: timedelta = timedelta(seconds=10)
    reset_lifetime: timedelta = timedelta(minutes=30)
    languages: tuple[str, ...] = ("he-IL", "en-US")


@dataclass(frozen=True)
class Desk:
    """One of each port. `new_id` gives a random id, `new_secret` a token nobody can guess."""

    sessions: Sessions
    runs: Runs
    outbox: Outbox
    session_index: SessionIndex
    people: People
    logins: Logins
    devices: Devices
    uploads: Uploads
    reservations: Reservations
    recordings: Recordings
    audio: AudioDecoder
    speech: Speech
    sentiment: Sentiment
    insight: InsightFinder
    push: PushSender
    mail: Mail
    doorbell: Doorbell
    passwords: Passwords
    tokens: Tokens
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    new_secret: Callable[[], str]
    limits: Limits
